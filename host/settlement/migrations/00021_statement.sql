-- +goose Up
-- An intermediary's entries are numbered by themselves: how much others move is not its business,
-- and no sequence goes over devices that could be in different databases. Entries from before keep
-- the numbers that they were given out with.
ALTER TABLE statement ADD COLUMN number BIGINT;
DROP INDEX statement_intermediary;
CREATE UNIQUE INDEX statement_number ON statement (intermediary, coalesce(number, seq));
