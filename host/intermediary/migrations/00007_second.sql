-- +goose Up
-- Whether the reservation said that the owner shall have the card besides others; taken as said for
-- ids that were reserved before this was kept.
ALTER TABLE device_number ADD COLUMN second BOOLEAN NOT NULL DEFAULT TRUE;

-- +goose Down
ALTER TABLE device_number DROP COLUMN second;
