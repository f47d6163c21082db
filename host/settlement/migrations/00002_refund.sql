-- +goose Up
-- One row for each refund order, with the notary's answer: an order key gets one answer for ever.
CREATE TABLE refund (
    intermediary TEXT NOT NULL REFERENCES intermediary (name), -- of the till that pays back
    order_key    TEXT NOT NULL,
    payee        TEXT NOT NULL,            -- the till
    payer        TEXT NOT NULL,            -- with atc: the Payment
    atc          INTEGER NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    refusal      INTEGER NOT NULL,         -- kind of the refusal; 0: the money has moved
    reason       TEXT NOT NULL,            -- of the refusal
    at           TEXT NOT NULL,
    PRIMARY KEY (intermediary, order_key)
);
CREATE INDEX refund_payment ON refund (payer, atc);

-- +goose StatementBegin
CREATE TRIGGER refund_kept BEFORE UPDATE ON refund BEGIN SELECT RAISE(ABORT, 'a refund order is answered once'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER refund_stays BEFORE DELETE ON refund BEGIN SELECT RAISE(ABORT, 'a refund order is never deleted'); END;
-- +goose StatementEnd
