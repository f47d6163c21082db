-- The journal of one terminal. Whatever tells a payer from another is sealed
-- (AES-GCM, bound to its row); amounts and numbers stay readable for the limits.

-- +goose Up
CREATE TABLE terminal (
    one                  BIGINT PRIMARY KEY CHECK (one = 1),
    device               TEXT NOT NULL,
    requests             BIGINT NOT NULL DEFAULT 0, -- Requests ever signed
    records              BIGINT NOT NULL DEFAULT 0, -- number of the last record, the terminal's atc
    head                 BYTEA NOT NULL,            -- chain over all records
    acked                BIGINT NOT NULL DEFAULT 0, -- records the notary holds
    accepted_ore         BIGINT NOT NULL DEFAULT 0, -- total ever accepted
    instruction_sequence BIGINT NOT NULL DEFAULT 0,
    instruction          BYTEA NOT NULL,            -- identity of the last one applied, or zeros
    confirmation         BYTEA,                     -- the answer to it, signed
    policy               BYTEA NOT NULL,            -- content of DO CB
    date_floor           TEXT NOT NULL,             -- YYMMDD
    life_cycle           BIGINT NOT NULL,
    rolled_back          BOOLEAN NOT NULL DEFAULT FALSE
);

-- Every boot epoch that this store knows, so that no number is used twice.
CREATE TABLE epoch (
    epoch BIGINT PRIMARY KEY
);

CREATE TABLE request (
    number  BIGINT PRIMARY KEY,
    amount  BIGINT NOT NULL CHECK (amount > 0), -- öre
    made    BIGINT NOT NULL UNIQUE,             -- position among all Requests
    message BYTEA NOT NULL,                     -- the signed Request, sealed
    open    BOOLEAN NOT NULL DEFAULT TRUE
);

-- Certificates of the cards that were held to the terminal for a Request, kept
-- before PAY is sent: after a torn tap the card may answer without its PIN, but
-- then it does not show who it is.
CREATE TABLE presented (
    request     BIGINT NOT NULL REFERENCES request (number) ON DELETE CASCADE,
    tap         BIGINT NOT NULL,
    certificate BYTEA NOT NULL, -- sealed
    PRIMARY KEY (request, tap)
);

-- What the terminal decided: one record for each Request at most.
CREATE TABLE record (
    number   BIGINT PRIMARY KEY,
    request  BIGINT NOT NULL UNIQUE,
    accepted BOOLEAN NOT NULL,                   -- else refused
    amount   BIGINT NOT NULL CHECK (amount > 0), -- öre
    message  BYTEA NOT NULL,                     -- Receipt and Payment, or Refusal, sealed
    -- certificate of an accepted Payment's payer, sealed
    payer    BYTEA,
    head     BYTEA NOT NULL                      -- chain up to here
);

-- +goose Down
DROP TABLE record;
DROP TABLE presented;
DROP TABLE request;
DROP TABLE epoch;
DROP TABLE terminal;
