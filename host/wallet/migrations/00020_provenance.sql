-- +goose Up
-- Accept records of other cards, which came beside a Payment: what funded it. They are handed over
-- with the next synchronisation, and go on beside what the owner's card pays until then.
CREATE TABLE provenance (
    record   BYTEA PRIMARY KEY, -- Receipt and Payment, as signed
    position BIGINT NOT NULL UNIQUE
);

-- +goose Down
DROP TABLE provenance;
