-- +goose Up
-- Payments and their payees' answers are found by the Request that they are about, under their
-- payee, as they are written. An index by identity, a hash, has no place where what comes next lies
-- near what came before: beside a million payments each new one touches a page of its own in each
-- such index, which PostgreSQL writes whole to its log.
DROP INDEX payee_answer_payment;
DROP INDEX payee_answer_refused;
CREATE UNIQUE INDEX payee_answer_request ON payee_answer (payee, request, identity);
-- on PostgreSQL:
DROP INDEX payment_request;
CREATE UNIQUE INDEX payment_request ON payment (payee, request, identity);
DROP TRIGGER payee_decision_answer ON payee_decision;
-- +goose StatementBegin
CREATE FUNCTION payee_decision_has_answer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE missing text; BEGIN
    SELECT a.answer::text FROM added a WHERE a.answer IS NOT NULL AND NOT EXISTS (SELECT 1
        FROM payee_answer v WHERE v.payee = a.payee AND v.request = a.request
        AND v.identity = a.answer) LIMIT 1 INTO missing;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
            MESSAGE = format('foreign key: answer %s of payee_decision is not in payee_answer', missing);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER payee_decision_answer AFTER INSERT ON payee_decision REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION payee_decision_has_answer();
ALTER TABLE payment DROP CONSTRAINT payment_identity_key;
ALTER TABLE payee_answer DROP CONSTRAINT payee_answer_identity_key;
-- on both:
