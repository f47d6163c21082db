-- +goose Up
-- Links from root to root, as the intermediary has sent them.
CREATE TABLE root_link (
    position    BIGINT PRIMARY KEY,
    certificate BYTEA NOT NULL UNIQUE -- 7F21
);
-- The last link that the owner's card has taken, the certificate of its CA by a later root, and that of
-- the card's batch key which the card has now.
ALTER TABLE phone ADD COLUMN root BYTEA;
ALTER TABLE phone ADD COLUMN ca BYTEA;
ALTER TABLE phone ADD COLUMN batch BYTEA;

-- +goose Down
ALTER TABLE phone DROP COLUMN batch;
ALTER TABLE phone DROP COLUMN ca;
ALTER TABLE phone DROP COLUMN root;
DROP TABLE root_link;
