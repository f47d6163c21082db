-- +goose Up
-- Refunds ordered by the owners of terminals. placed: the owner's money is set aside.
-- The rest is final: done, the notary has moved it; refused, it is back in the
-- online wallet.
CREATE TABLE refund (
    id     TEXT PRIMARY KEY,
    terminal TEXT NOT NULL REFERENCES device (id),
    payer  TEXT NOT NULL,                      -- with atc: the payment refunded
    atc    BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0), -- öre
    digest BYTEA NOT NULL,                     -- of the order's content
    state  TEXT NOT NULL CHECK (state IN ('placed', 'done', 'refused'))
);

-- +goose Down
DROP TABLE refund;
