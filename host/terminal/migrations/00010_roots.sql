-- Links from root to root that the terminal has verified, and the certificate of its CA by a later
-- root.

-- +goose Up
CREATE TABLE root_link (
    position    BIGINT PRIMARY KEY,
    certificate BYTEA NOT NULL UNIQUE -- 7F21
);
ALTER TABLE terminal ADD COLUMN ca BYTEA;

-- +goose Down
ALTER TABLE terminal DROP COLUMN ca;
DROP TABLE root_link;
