-- +goose Up
-- The pair of this phone and the owner's card. Both are sealed under a key that is not in the
-- journal: the private key of a PAIR that has got no answer yet, which is repeated with it, and the
-- key of the pair.
CREATE TABLE pair (
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    begun BYTEA,
    key   BYTEA
);

-- +goose Down
DROP TABLE pair;
