-- Devices that were reported lost or have ended, as far as the intermediary has told.

-- +goose Up
CREATE TABLE revoked (
    seq    INTEGER PRIMARY KEY, -- position in the notary's list
    device TEXT NOT NULL
) STRICT;
CREATE INDEX revoked_device ON revoked (device);

-- +goose Down
DROP TABLE revoked;
