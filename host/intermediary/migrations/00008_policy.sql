-- +goose Up
-- Limits that the intermediary's staff ordered for its cards, each under a version of its own, which
-- is what the cards show of it. An order stands for ever; a later one takes its place.
CREATE TABLE policy_order (
    version    BIGINT PRIMARY KEY CHECK (version > 0),
    key        TEXT NOT NULL UNIQUE, -- of the order, as whoever placed it names it
    policy     BYTEA NOT NULL,       -- content of DO CB
    preset     TEXT NOT NULL,        -- name of the limits; empty for none
    everyone   BOOLEAN NOT NULL,     -- for all cards, also those that are issued later
    ordered_by TEXT NOT NULL,
    ordered_at TEXT NOT NULL
);

-- For whom an order is that is not for everyone: devices, and customers with all their cards.
CREATE TABLE policy_target (
    version  BIGINT NOT NULL REFERENCES policy_order (version),
    device   TEXT NOT NULL, -- empty for a customer
    customer TEXT NOT NULL, -- empty for a device
    PRIMARY KEY (version, device, customer)
);
CREATE INDEX policy_target_customer ON policy_target (customer);

-- Version of the policy that the device showed last.
ALTER TABLE device ADD COLUMN policy_seen BIGINT NOT NULL DEFAULT 0;

CREATE TRIGGER policy_order_kept BEFORE UPDATE ON policy_order
FOR EACH ROW EXECUTE FUNCTION store_refuse('a policy order is never changed');
CREATE TRIGGER policy_order_stays BEFORE DELETE OR TRUNCATE ON policy_order
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('a policy order is never deleted');

-- +goose Down
ALTER TABLE device DROP COLUMN policy_seen;
DROP TABLE policy_target;
DROP TABLE policy_order;
