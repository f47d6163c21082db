-- +goose Up
-- The Refusals of a Request number: two Requests of one number prove a clone.
CREATE INDEX voice_refused ON voice (payee, request) WHERE payment IS NULL;

-- +goose Down
DROP INDEX voice_refused;
