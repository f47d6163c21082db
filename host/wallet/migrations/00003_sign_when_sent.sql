-- +goose Up
-- An order is signed whenever it is sent, by the key that the phone has then.
ALTER TABLE orders DROP COLUMN signature;

-- +goose Down
ALTER TABLE orders ADD COLUMN signature BLOB NOT NULL DEFAULT x'';
