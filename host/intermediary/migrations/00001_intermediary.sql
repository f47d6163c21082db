-- What one intermediary keeps beside its ledger: customers, their devices, and
-- the orders that move their money. What a device did and what was decided on it
-- is the notary's to keep; asking it again after a crash gives the same answer.

-- +goose Up
CREATE TABLE customer (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    app_key BLOB NOT NULL -- public point of the key that signs the customer's orders
) STRICT;

CREATE TABLE device (
    id           TEXT PRIMARY KEY,
    customer     TEXT    NOT NULL REFERENCES customer (id),
    role         INTEGER NOT NULL,
    certificate  BLOB    NOT NULL,
    pin_point    BLOB,              -- a card's public point for enciphered PINs
    ceilings     BLOB,              -- content of DO CB, as installed; NULL for a terminal
    policy       BLOB    NOT NULL,  -- content of DO CB that the device shall have
    block_wanted INTEGER NOT NULL DEFAULT 0 CHECK (block_wanted IN (0, 1)),
    reset_in     INTEGER NOT NULL DEFAULT 0 -- number of the Instruction that gives back the PIN tries
) STRICT;

-- placed: the customer's money is set aside. reserved: the notary has moved it
-- to the shadow wallet, in the Instruction of that sequence. The rest is final:
-- taken by the card, returned because the card could not, refused before it left.
CREATE TABLE load (
    id       TEXT PRIMARY KEY,
    device   TEXT    NOT NULL REFERENCES device (id),
    amount   INTEGER NOT NULL CHECK (amount > 0), -- öre
    digest   BLOB    NOT NULL,                    -- of the order's content
    placed   INTEGER NOT NULL UNIQUE,             -- position among all loads
    state    TEXT    NOT NULL CHECK (state IN ('placed', 'reserved', 'taken', 'returned', 'refused')),
    sequence INTEGER,
    reason   TEXT                                 -- why it was refused
) STRICT;

-- Unloads at the desk: its Request is durable before it is shown, its word
-- before the notary has it.
CREATE TABLE unload (
    id      TEXT PRIMARY KEY,
    number  INTEGER NOT NULL UNIQUE,             -- the desk's request number
    device  TEXT    NOT NULL REFERENCES device (id),
    amount  INTEGER NOT NULL CHECK (amount > 0), -- öre
    digest  BLOB    NOT NULL,                    -- of the order's content
    request BLOB    NOT NULL,                    -- signed
    journal INTEGER UNIQUE,                      -- number of the desk's word
    answer  BLOB,                                -- Receipt and Payment, or Refusal, signed
    held    INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)) -- the notary has the word
) STRICT;

-- How far the notary's statement has been posted.
CREATE TABLE statement (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    cursor INTEGER NOT NULL
) STRICT;
INSERT INTO statement (only, cursor) VALUES (1, 0);

-- +goose Down
DROP TABLE statement;
DROP TABLE unload;
DROP TABLE load;
DROP TABLE device;
DROP TABLE customer;
