-- Certificates of intermediaries' CAs by which cards are taken, as far as they came with a
-- synchronisation: the others are the phone's own.

-- +goose Up
CREATE TABLE authority (
    reference   TEXT PRIMARY KEY,
    certificate BYTEA NOT NULL -- 7F21
);

-- +goose Down
DROP TABLE authority;
