-- +goose Up
-- What the equation of a device's balance needs, kept with it, so that no question about a device
-- reads its history. The auditor compares them with the sums over all rows.
ALTER TABLE device ADD COLUMN reserved BIGINT NOT NULL DEFAULT 0;    -- for payments it made
ALTER TABLE device ADD COLUMN unconfirmed BIGINT NOT NULL DEFAULT 0; -- credits on their way to it
ALTER TABLE device ADD COLUMN unpaid BIGINT NOT NULL DEFAULT 0;      -- off its card, not its wallet
ALTER TABLE device ADD COLUMN accepted BIGINT NOT NULL DEFAULT 0;    -- on its card, not its wallet
ALTER TABLE device ADD COLUMN unanswered BIGINT NOT NULL DEFAULT 0;  -- settled without its Receipt
ALTER TABLE device ADD COLUMN collected BIGINT NOT NULL DEFAULT 0;   -- settled to it in all
ALTER TABLE device ADD COLUMN swept BIGINT NOT NULL DEFAULT 0;       -- to owner, holding and pool
ALTER TABLE device ADD COLUMN untaken BIGINT NOT NULL DEFAULT 0;     -- credits that stay in a wallet

UPDATE device SET
    reserved = coalesce((SELECT sum(amount) FROM payment
        WHERE payer = device.id AND verdict = 1), 0),
    unconfirmed = coalesce((SELECT sum(credit) FROM instruction
        WHERE device = device.id AND outcome = 0), 0),
    unpaid = coalesce((SELECT sum(CASE signature WHEN 0 THEN amount ELSE 0 END - from_shadow)
        FROM payment WHERE payer = device.id AND signature IN (0, 1)), 0),
    accepted = coalesce((SELECT sum(p.amount) FROM payment p
        JOIN payee_answer v ON v.payment = p.identity AND v.payee = p.payee
        WHERE p.payee = device.id AND p.verdict IN (1, 2)), 0),
    unanswered = coalesce((SELECT sum(p.amount) FROM payment p
        WHERE p.payee = device.id AND p.verdict IN (3, 5) AND NOT EXISTS (SELECT 1
            FROM payee_answer v WHERE v.payment = p.identity AND v.payee = p.payee)), 0),
    collected = coalesce((SELECT sum(amount) FROM payment
        WHERE payee = device.id AND verdict IN (3, 5)), 0),
    swept = coalesce((SELECT -sum(shadow) FROM statement
        WHERE device = device.id AND kind IN (8, 10, 11, 13)), 0),
    untaken = coalesce((SELECT sum(credit) FROM instruction i
        WHERE i.device = device.id AND i.outcome = 3 AND NOT EXISTS (SELECT 1 FROM statement e
            WHERE e.device = i.device AND e.kind = 2 AND e.instr = i.seq)), 0);

-- What one device did and what waits on it is found by the device; its history is not read.
DROP INDEX statement_device;
DROP INDEX payment_payer;
DROP INDEX payee_decision_payment;
DROP INDEX payment_awaits_cover;
CREATE INDEX payment_awaits_cover ON payment (payer) WHERE awaits_cover AND verdict IN (1, 2);
CREATE INDEX instruction_acked ON instruction (device, acked_atc);

CREATE TRIGGER intermediary_kept BEFORE UPDATE ON intermediary
FOR EACH ROW EXECUTE FUNCTION store_refuse('an intermediary keeps its name');
CREATE TRIGGER intermediary_stays BEFORE DELETE OR TRUNCATE ON intermediary
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('an intermediary stays');
-- Of what is written with every payment, foreign keys are checked once for a statement.
-- on PostgreSQL:
ALTER TABLE record DROP CONSTRAINT record_device_fkey;
CREATE TRIGGER record_device AFTER INSERT ON record REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION store_refer('device', 'device', 'id');
ALTER TABLE payee_answer DROP CONSTRAINT payee_answer_payee_fkey;
CREATE TRIGGER payee_answer_payee AFTER INSERT ON payee_answer REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION store_refer('payee', 'device', 'id');
ALTER TABLE payee_decision DROP CONSTRAINT payee_decision_answer_fkey;
CREATE TRIGGER payee_decision_answer AFTER INSERT ON payee_decision REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION store_refer('answer', 'payee_answer', 'identity');
ALTER TABLE statement DROP CONSTRAINT statement_intermediary_fkey;
CREATE TRIGGER statement_intermediary AFTER INSERT ON statement REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION store_refer('intermediary', 'intermediary', 'name');
-- on both:

-- Which notary decides: its term fences those that have lost the lease.
CREATE TABLE writer_lease (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    term   BIGINT NOT NULL,
    holder TEXT NOT NULL,
    until  TEXT NOT NULL -- empty: it was given up
);
INSERT INTO writer_lease (one, term, holder, until) VALUES (1, 0, '', '');
