-- Running totals of what is not acknowledged, so that a sale costs the same whatever the journal
-- holds; which taps may have paid; and up to which record the notary has the journal.

-- +goose Up
ALTER TABLE terminal ADD COLUMN receipts BIGINT NOT NULL DEFAULT 0;  -- accepted, not acknowledged
ALTER TABLE terminal ADD COLUMN taken_ore BIGINT NOT NULL DEFAULT 0; -- by them
ALTER TABLE terminal ADD COLUMN handed BIGINT NOT NULL DEFAULT 0;    -- records that were handed over
UPDATE terminal SET receipts = (SELECT count(*) FROM record WHERE accepted),
    taken_ore = (SELECT coalesce(sum(amount), 0) FROM record WHERE accepted);

-- PAY was sent to the card of this tap, and no refusal has come back: it may have paid.
ALTER TABLE presented ADD COLUMN unanswered BOOLEAN NOT NULL DEFAULT TRUE;

-- The last position that was used: a Request of ours with a later one, or of another epoch, was made
-- after the copy from which this journal was restored. Of earlier epochs all positions count as used.
ALTER TABLE epoch ADD COLUMN last BIGINT NOT NULL DEFAULT 4095;

CREATE INDEX request_open ON request (made) WHERE open;

-- +goose Down
DROP INDEX request_open;
ALTER TABLE epoch DROP COLUMN last;
ALTER TABLE presented DROP COLUMN unanswered;
ALTER TABLE terminal DROP COLUMN handed;
ALTER TABLE terminal DROP COLUMN taken_ore;
ALTER TABLE terminal DROP COLUMN receipts;
