-- +goose Up
-- Crisis orders, one body for a number for ever; the crisis keys that signed them; and which of them
-- each device can have had: what Instructions told it, and what its States have shown.

CREATE TABLE crisis_key (
    reference   TEXT PRIMARY KEY CHECK (length(reference) = 13),
    certificate BYTEA NOT NULL,
    expires     TEXT NOT NULL
);

CREATE TABLE crisis_order (
    number     BIGINT PRIMARY KEY CHECK (number > 0),
    identity   BYTEA NOT NULL UNIQUE CHECK (length(identity) = 32),
    bytes      BYTEA NOT NULL,
    crisis_key TEXT NOT NULL REFERENCES crisis_key (reference),
    notary     BYTEA NOT NULL, -- certificate
    signed_by  TEXT NOT NULL,  -- who asked for it
    signed_at  TEXT NOT NULL
);

ALTER TABLE device ADD COLUMN card_group BIGINT NOT NULL DEFAULT 0; -- for its next Instruction
ALTER TABLE device ADD COLUMN order_held BYTEA; -- identity, of its last State; NULL before the first
ALTER TABLE instruction ADD COLUMN lowest_order BIGINT NOT NULL DEFAULT 0;
ALTER TABLE instruction ADD COLUMN card_group BIGINT NOT NULL DEFAULT 0;
-- The device's ATC when it is first known to have applied it.
ALTER TABLE instruction ADD COLUMN applied_atc BIGINT;

CREATE TRIGGER crisis_key_kept BEFORE UPDATE ON crisis_key
FOR EACH ROW EXECUTE FUNCTION store_refuse('a crisis key is certified once');
CREATE TRIGGER crisis_key_stays BEFORE DELETE OR TRUNCATE ON crisis_key
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('a crisis key is never forgotten');
CREATE TRIGGER crisis_order_kept BEFORE UPDATE ON crisis_order
FOR EACH ROW EXECUTE FUNCTION store_refuse('a crisis order has one body for ever');
CREATE TRIGGER crisis_order_stays BEFORE DELETE OR TRUNCATE ON crisis_order
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('a crisis order is never deleted');
CREATE TRIGGER instruction_order_kept BEFORE UPDATE OF lowest_order, card_group ON instruction
FOR EACH ROW EXECUTE FUNCTION store_refuse('an instruction has one body for ever');
