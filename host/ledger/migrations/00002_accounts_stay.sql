-- +goose Up
CREATE TRIGGER ledger_account_kept BEFORE UPDATE OF n, name, kind, overdraft ON ledger_account
FOR EACH ROW EXECUTE FUNCTION store_refuse('an account is opened once');
CREATE TRIGGER ledger_account_stays BEFORE DELETE OR TRUNCATE ON ledger_account
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('an account is never closed');
-- Of what is written with every order, foreign keys are checked once for a statement.
-- on PostgreSQL:
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_order_id_fkey;
CREATE TRIGGER ledger_entry_order_id AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION store_refer('order_id', 'ledger_order', 'id');
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_account_fkey;
CREATE TRIGGER ledger_entry_account AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION store_refer('account', 'ledger_account', 'name');
-- on both:
