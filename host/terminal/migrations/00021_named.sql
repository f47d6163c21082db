-- Sales to which the merchant gave a name of its own: the same name again is the same sale, also
-- when the journal has forgotten its record.

-- +goose Up
CREATE TABLE named (
    name     TEXT PRIMARY KEY,
    number   BIGINT NOT NULL UNIQUE,                  -- of the sale
    amount   BIGINT NOT NULL CHECK (amount > 0),      -- öre
    accepted BOOLEAN,                                 -- else refused; null while it is open
    payment  BYTEA                                    -- payer and number of the payment, sealed
);

-- +goose Down
DROP TABLE named;
