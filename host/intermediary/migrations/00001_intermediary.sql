-- What one intermediary keeps beside its ledger: customers, their devices, and
-- the orders that move their money. What a device did and what was decided on it
-- is the notary's to keep; asking it again after a crash gives the same answer.

-- +goose Up
CREATE TABLE customer (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    app_key BYTEA NOT NULL -- public point of the key that signs the customer's orders
);

CREATE TABLE device (
    id           TEXT PRIMARY KEY,
    customer     TEXT NOT NULL REFERENCES customer (id),
    role         BIGINT NOT NULL,
    certificate  BYTEA NOT NULL,
    pin_point    BYTEA,                    -- a card's public point for enciphered PINs
    ceilings     BYTEA,                    -- content of DO CB, as installed; NULL for a terminal
    slots        BIGINT NOT NULL,          -- of the card's log, as installed; 0 for a terminal
    policy       BYTEA NOT NULL,           -- content of DO CB that the device shall have
    block_wanted BOOLEAN NOT NULL DEFAULT FALSE,
    reset_in     BIGINT NOT NULL DEFAULT 0 -- of the Instruction that gives back the PIN tries
);

-- placed: the customer's money is set aside. reserved: the notary has moved it
-- to the shadow wallet, in the Instruction of that sequence. The rest is final:
-- taken by the card, returned because the card could not, refused before it left.
CREATE TABLE load (
    id       TEXT PRIMARY KEY,
    device   TEXT NOT NULL REFERENCES device (id),
    amount   BIGINT NOT NULL CHECK (amount > 0), -- öre
    digest   BYTEA NOT NULL,                     -- of the order's content
    placed   BIGINT NOT NULL UNIQUE,             -- position among all loads
    state    TEXT NOT NULL CHECK (state IN ('placed', 'reserved', 'taken', 'returned', 'refused')),
    sequence BIGINT,
    reason   TEXT                                -- why it was refused
);

-- Unloads at the desk: its Request is durable before it is shown, its decision
-- before the notary has it.
CREATE TABLE unload (
    id      TEXT PRIMARY KEY,
    number  BIGINT NOT NULL UNIQUE,             -- the desk's request number
    device  TEXT NOT NULL REFERENCES device (id),
    amount  BIGINT NOT NULL CHECK (amount > 0), -- öre
    digest  BYTEA NOT NULL,                     -- of the order's content
    request BYTEA NOT NULL,                     -- signed
    journal BIGINT UNIQUE,                      -- number of the desk's decision
    answer  BYTEA,                              -- Receipt and Payment, or Refusal, signed
    held    BOOLEAN NOT NULL DEFAULT FALSE      -- the notary has the decision
);

-- How far the notary's statement has been posted.
CREATE TABLE statement (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    cursor BIGINT NOT NULL
);
INSERT INTO statement (one, cursor) VALUES (1, 0);

-- +goose Down
DROP TABLE statement;
DROP TABLE unload;
DROP TABLE load;
DROP TABLE device;
DROP TABLE customer;
