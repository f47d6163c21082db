-- Devices that were reported lost or have ended, as far as the intermediary has reported them.

-- +goose Up
CREATE TABLE revoked (
    seq    BIGINT PRIMARY KEY, -- position in the notary's list
    device TEXT NOT NULL
);
CREATE INDEX revoked_device ON revoked (device);

-- +goose Down
DROP TABLE revoked;
