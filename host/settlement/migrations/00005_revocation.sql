-- +goose Up
-- The revocation list of the terminals: every device that was reported lost or has ended, once, in the order in which it became so.
CREATE TABLE revocation (
    seq    INTEGER PRIMARY KEY,
    device TEXT NOT NULL UNIQUE REFERENCES device (id),
    at     TEXT NOT NULL
);
INSERT INTO revocation (device, at) SELECT id, coalesce(reported_at, ended_at) FROM device WHERE status <> 0 ORDER BY 2, 1;
-- +goose StatementBegin
CREATE TRIGGER revocation_kept BEFORE UPDATE ON revocation
BEGIN SELECT RAISE(ABORT, 'a revocation is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER revocation_stays BEFORE DELETE ON revocation
BEGIN SELECT RAISE(ABORT, 'a revocation is never taken back'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE revocation;
