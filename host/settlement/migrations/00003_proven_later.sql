-- +goose Up
-- A Payment whose signature was spoiled on its way is kept for the payee that accepted it; the body that its payer signed takes its
-- place when it comes. What is signed is the same: it has the same identity.
DROP TRIGGER payment_kept;
-- +goose StatementBegin
CREATE TRIGGER payment_kept BEFORE UPDATE OF n, identity, payer, atc, payee, request, amount, asked ON payment
BEGIN SELECT RAISE(ABORT, 'a payment is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payment_proven BEFORE UPDATE OF bytes ON payment WHEN OLD.standing <> 3
BEGIN SELECT RAISE(ABORT, 'a payment is never changed'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER payment_proven;
DROP TRIGGER payment_kept;
-- +goose StatementBegin
CREATE TRIGGER payment_kept BEFORE UPDATE OF n, identity, bytes, payer, atc, payee, request, amount, asked ON payment
BEGIN SELECT RAISE(ABORT, 'a payment is never changed'); END;
-- +goose StatementEnd
