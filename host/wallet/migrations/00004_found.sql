-- +goose Up
-- A Request that another phone, or a torn tap, left open on the card: read from there,
-- and given to nobody yet.
ALTER TABLE transfer ADD COLUMN found INTEGER NOT NULL DEFAULT 0 CHECK (found IN (0, 1));

-- +goose Down
ALTER TABLE transfer DROP COLUMN found;
