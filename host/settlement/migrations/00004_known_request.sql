-- +goose Up
-- The last Request of a card that somebody has paid, as far as was known when the Challenge was opened: a card that has counted less
-- was set back.
ALTER TABLE challenge ADD COLUMN known_request INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE challenge DROP COLUMN known_request;
