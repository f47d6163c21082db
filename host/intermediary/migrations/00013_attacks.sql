-- +goose Up
-- Attacks on it that the device has found, as its last State shows.
ALTER TABLE device ADD COLUMN attacks BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE device DROP COLUMN attacks;
