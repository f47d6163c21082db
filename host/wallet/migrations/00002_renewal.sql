-- +goose Up
-- The later certificate of the owner's card, once the card has it.
ALTER TABLE phone ADD COLUMN certificate BYTEA;

-- +goose Down
ALTER TABLE phone DROP COLUMN certificate;
