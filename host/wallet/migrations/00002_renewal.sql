-- +goose Up
-- The later certificate of the owner's card, once the card has it.
ALTER TABLE phone ADD COLUMN certificate BLOB;

-- +goose Down
ALTER TABLE phone DROP COLUMN certificate;
