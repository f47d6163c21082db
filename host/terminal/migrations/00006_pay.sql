-- A Request's point: its private half opens what the card answers, until the sale is decided. Who
-- was held to the terminal is known from the answer only. And the certificates of batches of cards,
-- to which PINs are enciphered.

-- +goose Up
ALTER TABLE request ADD COLUMN key BYTEA; -- sealed
ALTER TABLE presented DROP COLUMN certificate;
CREATE TABLE batch (
    id          TEXT PRIMARY KEY,
    certificate BYTEA NOT NULL -- 7F21
);

-- +goose Down
DROP TABLE batch;
ALTER TABLE presented ADD COLUMN certificate BYTEA;
ALTER TABLE request DROP COLUMN key;
