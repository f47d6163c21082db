-- +goose Up
-- For whom an id was reserved, and which card its device replaces; empty for none, and for
-- ids that were reserved before this was kept.
ALTER TABLE device_number ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE device_number ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
-- Whether the notary had the device as active when it was asked last.
ALTER TABLE device ADD COLUMN in_use BOOLEAN NOT NULL DEFAULT TRUE;

-- +goose Down
ALTER TABLE device DROP COLUMN in_use;
ALTER TABLE device_number DROP COLUMN replaces;
ALTER TABLE device_number DROP COLUMN owner;
