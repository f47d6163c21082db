-- +goose Up
-- What the job's cards are made with and its file only names, as fingerprints; null in a job that
-- was started before these were kept.
ALTER TABLE job ADD COLUMN log_key BYTEA;   -- SHA-256 of the public key that verifies the audit log
ALTER TABLE job ADD COLUMN card_keys BYTEA; -- check value of initial and final keys; fixed by the first order

-- +goose Down
ALTER TABLE job DROP COLUMN card_keys;
ALTER TABLE job DROP COLUMN log_key;
