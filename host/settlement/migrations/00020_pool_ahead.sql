-- +goose Up
-- What the pool has lent to the wallets of cards that have not synchronised, so that claims on them
-- need not wait. The one row of pool_ahead is the sum over all devices, under the cap by which the
-- last loan was made.
CREATE TABLE pool_ahead (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    lent BIGINT NOT NULL CHECK (lent >= 0),
    cap  BIGINT NOT NULL CHECK (lent <= cap)
);
INSERT INTO pool_ahead (one, lent, cap) VALUES (1, 0, 0);

ALTER TABLE device ADD COLUMN lent BIGINT NOT NULL DEFAULT 0 CHECK (lent >= 0);
ALTER TABLE device ADD COLUMN lent_since TEXT;                   -- when it was none last
ALTER TABLE device ADD COLUMN repayments BIGINT NOT NULL DEFAULT 0;
CREATE INDEX device_lent ON device (id) WHERE lent > 0;

ALTER TABLE payment ADD COLUMN lent BIGINT NOT NULL DEFAULT 0;   -- for it, part of from_shadow
-- the cap, or the pool, left no room for it
ALTER TABLE payment ADD COLUMN awaits_pool BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX payment_awaits_pool ON payment (n) WHERE awaits_pool AND verdict IN (1, 2);
CREATE TRIGGER pool_ahead_stays BEFORE DELETE OR TRUNCATE ON pool_ahead
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('what is lent is not forgotten');
