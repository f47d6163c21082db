-- What funded sales: accept records of other cards, sealed, which a payer's phone has given beside
-- its card's payment. They are handed over with the next synchronisation.

-- +goose Up
CREATE TABLE provenance (
    position BIGINT PRIMARY KEY,
    sale     BIGINT NOT NULL, -- request number
    record   BYTEA NOT NULL   -- sealed by position
);
CREATE INDEX provenance_sale ON provenance (sale);

-- +goose Down
DROP TABLE provenance;
