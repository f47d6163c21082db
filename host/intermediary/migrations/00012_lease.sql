-- +goose Up
-- Which process of the intermediary writes: its term fences those that have lost the lease.
CREATE TABLE writer_lease (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    term   BIGINT NOT NULL,
    holder TEXT NOT NULL,
    until  TEXT NOT NULL -- empty: it was given up
);
INSERT INTO writer_lease (one, term, holder, until) VALUES (1, 0, '', '');

-- +goose Down
DROP TABLE writer_lease;
