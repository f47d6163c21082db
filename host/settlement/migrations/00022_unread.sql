-- +goose Up
-- What is written with every payment is found by what it says. Nothing reads these rows by their
-- numbers, and on SQLite, where the number is the row's place, an index of them costs nothing.
-- on PostgreSQL:
ALTER TABLE payee_answer DROP CONSTRAINT payee_answer_pkey;
ALTER TABLE payee_decision DROP CONSTRAINT payee_decision_pkey;
ALTER TABLE statement DROP CONSTRAINT statement_pkey;
-- on both:
