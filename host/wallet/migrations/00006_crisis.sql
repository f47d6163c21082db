-- +goose Up
-- The crisis order that the phone carries, with its signers' certificates: what the owner's
-- intermediary gave, or what the owner's card holds. The card verifies; the phone has no root. What
-- somebody else has offered waits for the card's judgement.
CREATE TABLE crisis (
    one        BIGINT PRIMARY KEY CHECK (one = 1),
    carried    BYTEA,                     -- as in a file; NULL for none
    offered    BYTEA,                     -- the same
    notary     BYTEA,                     -- 7F21 of the notary that was met last
    shown      BIGINT NOT NULL DEFAULT 0  -- number of the card without an order to be read
);
INSERT INTO crisis (one) VALUES (1);

-- +goose Down
DROP TABLE crisis;
