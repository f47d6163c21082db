-- +goose Up
-- An order that was lost with a restored backup, and that the notary has carried out, is the
-- customer's all the same: own funds, which have paid for it, are repaid from the online wallet as
-- soon as that covers it. Refunds can be lost as loads can: their id is "refund:" and the order's key.
ALTER TABLE lost_order ADD COLUMN owner TEXT NOT NULL DEFAULT '';
UPDATE lost_order SET owner = coalesce((SELECT customer FROM device WHERE device.id = lost_order.device), '');
ALTER TABLE lost_order ADD COLUMN repaid BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX lost_order_owed ON lost_order (owner) WHERE NOT repaid;

-- +goose Down
DROP INDEX lost_order_owed;
ALTER TABLE lost_order DROP COLUMN repaid;
ALTER TABLE lost_order DROP COLUMN owner;
