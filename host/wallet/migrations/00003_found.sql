-- +goose Up
-- A Request that another phone, or a torn tap, left open on the card: read from there,
-- and given to nobody yet.
ALTER TABLE transfer ADD COLUMN found BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE transfer DROP COLUMN found;
