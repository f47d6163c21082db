-- What the journal's key gives, so that another key is refused before it seals a row. NULL in a
-- journal from before: the first start with a key that opens its rows writes it.

-- +goose Up
ALTER TABLE terminal ADD COLUMN key_check BYTEA;

-- +goose Down
ALTER TABLE terminal DROP COLUMN key_check;
