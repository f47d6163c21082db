-- The crisis order that the terminal keeps, with the newest crisis key that it has met; and what it
-- has taken from one payer: the tag tells payers apart only for who has the journal's key.

-- +goose Up
CREATE TABLE crisis (
    one          BIGINT PRIMARY KEY CHECK (one = 1),
    lowest       BIGINT NOT NULL DEFAULT 0, -- number that the last Instruction told
    crisis_order BYTEA,                     -- both signatures included
    crisis_key   BYTEA,                     -- 7F21
    replaced     BOOLEAN NOT NULL DEFAULT FALSE -- the crisis key has replaced a former one
);
INSERT INTO crisis (one) VALUES (1);

-- Certificates of notaries, by which an order that a card gives is verified.
CREATE TABLE notary (
    reference   TEXT PRIMARY KEY,
    certificate BYTEA NOT NULL -- 7F21
);

ALTER TABLE record ADD COLUMN payer_tag BYTEA;
CREATE INDEX record_payer ON record (payer_tag) WHERE payer_tag IS NOT NULL;

-- +goose Down
DROP INDEX record_payer;
ALTER TABLE record DROP COLUMN payer_tag;
DROP TABLE notary;
DROP TABLE crisis;
