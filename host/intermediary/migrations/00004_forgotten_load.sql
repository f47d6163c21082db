-- +goose Up
-- Loads in the notary's statement whose orders are not known here: a database that was set back to
-- a backup has forgotten them. Own funds have stood in for each until its order comes again.
CREATE TABLE lost_order (
    id       TEXT PRIMARY KEY,              -- the order's key
    device   TEXT NOT NULL,
    amount   BIGINT NOT NULL,               -- öre
    sequence BIGINT NOT NULL,               -- of the Instruction that carried it
    returned BOOLEAN NOT NULL DEFAULT FALSE -- the device could not take it
);

-- +goose Down
DROP TABLE lost_order;
