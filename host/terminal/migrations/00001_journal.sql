-- The journal of one terminal. Whatever tells a payer from another is sealed
-- (AES-GCM, bound to its row); amounts and numbers stay readable for the limits.

-- +goose Up
CREATE TABLE till (
    only                 INTEGER PRIMARY KEY CHECK (only = 1),
    device               TEXT    NOT NULL,
    requests             INTEGER NOT NULL DEFAULT 0, -- Requests ever signed
    records              INTEGER NOT NULL DEFAULT 0, -- number of the last record, the till's atc
    head                 BLOB    NOT NULL,           -- chain over all records
    acked                INTEGER NOT NULL DEFAULT 0, -- records the notary holds
    accepted_ore         INTEGER NOT NULL DEFAULT 0, -- total ever accepted
    instruction_sequence INTEGER NOT NULL DEFAULT 0,
    instruction          BLOB    NOT NULL,           -- identity of the last one applied, or zeros
    confirmation         BLOB,                       -- the answer to it, signed
    policy               BLOB    NOT NULL,           -- content of DO CB
    date_floor           TEXT    NOT NULL,           -- YYMMDD
    life_cycle           INTEGER NOT NULL,
    rolled_back          INTEGER NOT NULL DEFAULT 0 CHECK (rolled_back IN (0, 1))
) STRICT;

-- Every boot epoch that this store knows, so that no number is used twice.
CREATE TABLE epoch (
    epoch INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE request (
    number  INTEGER PRIMARY KEY,
    amount  INTEGER NOT NULL CHECK (amount > 0), -- öre
    made    INTEGER NOT NULL UNIQUE,             -- position among all Requests
    message BLOB    NOT NULL,                    -- the signed Request, sealed
    open    INTEGER NOT NULL DEFAULT 1 CHECK (open IN (0, 1))
) STRICT;

-- Certificates of the cards that were held to the terminal for a Request, kept
-- before PAY is sent: after a torn tap the card may answer without its PIN, but
-- then it does not show who it is.
CREATE TABLE tapped (
    request     INTEGER NOT NULL REFERENCES request (number) ON DELETE CASCADE,
    tap         INTEGER NOT NULL,
    certificate BLOB    NOT NULL, -- sealed
    PRIMARY KEY (request, tap)
) STRICT;

-- What the till decided: one record for each Request at most.
CREATE TABLE record (
    number   INTEGER PRIMARY KEY,
    request  INTEGER NOT NULL UNIQUE,
    accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)), -- else refused
    amount   INTEGER NOT NULL CHECK (amount > 0),         -- öre
    message  BLOB    NOT NULL,                            -- Receipt and Payment, or Refusal, sealed
    payer    BLOB,                                        -- certificate of an accepted Payment's payer, sealed
    head     BLOB    NOT NULL                             -- chain up to here
) STRICT;

-- +goose Down
DROP TABLE record;
DROP TABLE tapped;
DROP TABLE request;
DROP TABLE epoch;
DROP TABLE till;
