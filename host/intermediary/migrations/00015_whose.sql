-- +goose Up
-- Whose books these are: an intermediary that is led here by a wrong line of settings works in
-- another's.
CREATE TABLE whose (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL
);
CREATE TRIGGER whose_kept BEFORE UPDATE ON whose
FOR EACH ROW EXECUTE FUNCTION store_refuse('books stay with one intermediary');
CREATE TRIGGER whose_stays BEFORE DELETE OR TRUNCATE ON whose
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('books stay with one intermediary');

-- +goose Down
DROP TABLE whose;
