-- +goose Up
-- What devices have said in a synchronisation, and certificates, are facts as payments are: they are
-- added, and neither changed nor taken away. What the notary concludes from a State, and a renewed
-- certificate of the same key, take the place of the former; a Challenge that nobody has answered is
-- forgotten.
CREATE TRIGGER confirmation_kept BEFORE UPDATE ON confirmation
FOR EACH ROW EXECUTE FUNCTION store_refuse('a confirmation is never changed');
CREATE TRIGGER confirmation_stays BEFORE DELETE OR TRUNCATE ON confirmation
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('a confirmation is never deleted');
CREATE TRIGGER state_kept BEFORE UPDATE OF identity, bytes, device, challenge, seen_at ON state
FOR EACH ROW EXECUTE FUNCTION store_refuse('a state is never changed');
CREATE TRIGGER state_stays BEFORE DELETE OR TRUNCATE ON state
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('a state is never deleted');
CREATE TRIGGER challenge_kept BEFORE UPDATE ON challenge
FOR EACH ROW EXECUTE FUNCTION store_refuse('a challenge is never changed');
CREATE TRIGGER unregistered_certificate_kept BEFORE UPDATE ON unregistered_certificate
FOR EACH ROW EXECUTE FUNCTION store_refuse('a certificate is never changed');
CREATE TRIGGER unregistered_certificate_stays BEFORE DELETE OR TRUNCATE ON unregistered_certificate
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('a certificate is never deleted');
CREATE TRIGGER authority_kept BEFORE UPDATE OF n, reference, intermediary, role ON authority
FOR EACH ROW EXECUTE FUNCTION store_refuse('an authority joins once');
CREATE TRIGGER authority_stays BEFORE DELETE OR TRUNCATE ON authority
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('an authority is never forgotten');
CREATE TRIGGER notary_key_kept BEFORE UPDATE OF reference ON notary_key
FOR EACH ROW EXECUTE FUNCTION store_refuse('a notary key keeps its reference');
CREATE TRIGGER notary_key_stays BEFORE DELETE OR TRUNCATE ON notary_key
FOR EACH STATEMENT EXECUTE FUNCTION store_refuse('a notary key is never forgotten');
