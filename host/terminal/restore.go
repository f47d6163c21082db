package terminal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// Restored says what a journal lacked that was restored from an older copy of itself. The notary
// holds it; the terminal has gone on from there.
type Restored struct {
	Records      uint32 `json:"records"`
	Instructions uint32 `json:"instructions"`
	// Sales were open in the copy. They were decided since, or are when somebody hands a payment of
	// theirs over.
	Sales int `json:"sales"`
}

// Restored returns what the journal lacked since this start; zero when it was the latest one.
func (t *Terminal) Restored() Restored { return t.restored }

// ErrEnded says that the terminal has ended at the notary, and sells nothing more.
var ErrEnded = errors.New("terminal: it has ended: hand over what its journal has and take a new " +
	"one (\"ekrona terminal replace\")")

// checkStart asks the intermediary, once after a start, whether the journal is the latest one. A
// terminal that cannot reach it sells all the same.
func (t *Terminal) checkStart(ctx context.Context) error {
	if !t.started && t.link != nil {
		t.started = true
		err := t.catchUp(ctx)
		t.held = 0
		if errors.Is(err, ErrRolledBack) {
			return err
		}
	}
	if t.status != notary.Active {
		return ErrEnded
	}
	return ctx.Err() // any other error is the link's or the intermediary's
}

// Stopped returns why the terminal sells nothing more, which the first sale after a start finds out
// too: [ErrEnded] or [ErrRolledBack]; nil when it sells.
func (t *Terminal) Stopped(ctx context.Context) (reason, err error) {
	if reason = t.checkStart(ctx); reason == nil {
		now, err := readState(ctx, t.db)
		if err != nil {
			return nil, err
		}
		if now.rolledBack {
			reason = ErrRolledBack
		}
	}
	if errors.Is(reason, ErrEnded) || errors.Is(reason, ErrRolledBack) {
		return reason, nil
	}
	return nil, reason
}

// maxRestores bounds catchUp: the Instruction that was outstanding, one over all that the notary
// holds, and what comes meanwhile.
const maxRestores = 4

// catchUp compares the journal with what the notary knows of this terminal, and shows nothing that
// the terminal has signed before both agree: a State behind known records would be taken for that
// of a clone. A journal that is the beginning of the known one is brought up to date by an
// Instruction that acknowledges all that the notary holds. One that has other records there was set
// back and went on: [ErrRolledBack]. A cut leaves it as it was, or up to date.
func (t *Terminal) catchUp(ctx context.Context) error {
	for range maxRestores {
		now, err := readState(ctx, t.db)
		if err != nil {
			return err
		}
		known, err := t.link.Position(ctx, t.id, now.records)
		if err != nil {
			return err
		}
		t.held, t.status = known.ATC, known.Status
		forked, err := t.isForked(ctx, now, known)
		switch {
		case err != nil:
			return err
		case forked:
			return errors.Join(fmt.Errorf("%w; the notary holds %d records, other ones than the "+
				"%d of this journal", ErrRolledBack, known.ATC, now.records), t.markRolledBack(ctx))
		case known.ATC <= now.records && known.Applied <= now.sequence:
			return nil
		}
		restoration, err := t.link.Restore(ctx, t.id)
		if err != nil {
			return err
		}
		confirmation, err := t.restore(ctx, restoration, known)
		if err != nil {
			return err
		}
		if err := t.link.Confirm(ctx, t.id, confirmation); err != nil {
			return err
		}
	}
	return session.ErrUnfinished
}

// isForked reports whether journal and notary have different records of one number.
func (t *Terminal) isForked(
	ctx context.Context, now journalState, known notary.Position,
) (bool, error) {
	switch {
	case known.ATC >= now.records:
		return known.Head != now.head, nil
	case known.ATC <= now.acked: // the heads before are gone with their records
		return false, nil
	}
	var head []byte
	if err := store.Must(ctx, t.db, store.Into{&head},
		`SELECT head FROM record WHERE number = $1`, known.ATC); err != nil {
		return false, fmt.Errorf("terminal: journal: record %d: %w", known.ATC, err)
	}
	return known.Head != message.Hash(head), nil
}

// IsSetBack reports whether the journal was found to be an older copy that went on otherwise: it is
// no account of this terminal any more.
func (t *Terminal) IsSetBack(ctx context.Context) (bool, error) {
	now, err := readState(ctx, t.db)
	return now.rolledBack, err
}

func (t *Terminal) markRolledBack(ctx context.Context) error {
	if err := store.Exec(ctx, t.db, `UPDATE terminal SET rolled_back = TRUE`); err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	return nil
}

// restore applies an Instruction ahead of the journal, in one transaction: records up to the one
// that it acknowledges are dropped, whether the journal has them or not, and open sales with them.
func (t *Terminal) restore(
	ctx context.Context, r banking.Restoration, known notary.Position,
) (confirmation []byte, err error) {
	if err := t.learnTrust(ctx, r.Trust); err != nil {
		return nil, err
	}
	ordered, err := t.verifyInstruction(r.Instruction, r.Trust)
	if err != nil {
		return nil, err
	}
	identity, err := message.Identity(ordered)
	if err != nil {
		return nil, fmt.Errorf("terminal: Instruction: %w", err)
	}
	var lacked Restored
	err = store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		lacked = Restored{}
		now, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case now.sequence == ordered.Sequence && now.instruction == identity:
			confirmation = now.confirmation
			return nil
		case ordered.Sequence <= now.sequence, ordered.AckedATC < now.acked:
			return fmt.Errorf("%w (number %d, after %d)", ErrInstruction, ordered.Sequence,
				now.sequence)
		}
		lacked.Instructions = ordered.Sequence - now.sequence - 1
		if ordered.AckedATC > now.records {
			lacked.Records = ordered.AckedATC - now.records
			now.records, now.head = ordered.AckedATC, ordered.Head
			if ordered.AckedATC == known.ATC {
				now.accepted = known.Accepted
			}
			open, err := store.Changed(ctx, tx, `DELETE FROM request WHERE open`)
			if err != nil {
				return fmt.Errorf("terminal: journal: %w", err)
			}
			lacked.Sales = int(open)
		}
		if ordered.Date.Before(now.date) {
			ordered.Date = now.date
		}
		confirmation, err = t.apply(ctx, tx, now, ordered, identity)
		return err
	})
	t.restored.Records += lacked.Records
	t.restored.Instructions += lacked.Instructions
	t.restored.Sales += lacked.Sales
	return confirmation, err
}

// lostSale returns a sale that this journal has lost, from a Payment that carries its Request with
// this terminal's signature.
func (t *Terminal) lostSale(ctx context.Context, payment *message.Payment) (sale, error) {
	lost, err := t.isLost(ctx, t.db, payment.Request.Number)
	if err != nil {
		return sale{}, err
	}
	if !lost || payment.Request.Payee != t.id ||
		message.Verify(&payment.Request, t.public) != nil {
		return sale{}, fmt.Errorf("sale %d: %w", payment.Request.Number, ErrNoSale)
	}
	decision, err := t.recordOf(ctx, t.db, payment.Request.Number)
	if err != nil {
		return sale{}, err
	}
	encoded, err := message.Encode(&payment.Request)
	return sale{message: encoded, request: &payment.Request, open: decision == nil}, err
}

// Surrender hands over what the journal of a terminal has that sells nothing more: by a
// synchronisation, or record by record when the notary knows others. What it had taken goes to its
// owner. It may be repeated. Errors: those of the link.
func (t *Terminal) Surrender(ctx context.Context) (records int, err error) {
	now, err := readState(ctx, t.db)
	if err != nil {
		return 0, err
	}
	_, err = t.Synchronise(ctx)
	if !errors.Is(err, ErrRolledBack) {
		return int(now.records - now.acked), err
	}
	for first := now.acked + 1; first <= now.records; first += portion {
		if err := t.handOverPortion(ctx, first, min(first+portion-1, now.records)); err != nil {
			return 0, err
		}
	}
	return int(now.records - now.acked), nil
}
