package intermediary

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/host/banking"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// refundState is the state of a refund order.
type refundState string

const (
	refundPlaced  refundState = "placed"  // the owner's money is set aside
	refundDone    refundState = "done"    // the notary moved it
	refundRefused refundState = "refused" // the notary will not: back in the online wallet
)

// PlaceRefund carries out the order of a terminal's owner to give a payment back, or a
// part of it, to the owner of the card that paid:
//
//  1. In one transaction the order is kept and its money set aside from the
//     online wallet. A cut before leaves nothing.
//  2. The notary moves it to the payer's intermediary, whose customer has it with
//     that intermediary's next statement. A cut before or after: the same order
//     again, or Start, asks the notary again and gets the same answer.
//  3. The notary's statement closes the order. When the notary refuses, the money
//     goes back to the online wallet instead, and the order stays refused.
//
// The same order again gives the same answer; nil means that it is done.
// Errors: *order.Refused when the online wallet does not cover it, or for the
// notary.Kind with which the notary refuses; order.ErrSignature; [banking.ErrNoDevice];
// [banking.ErrTaken].
func (i *Intermediary) PlaceRefund(ctx context.Context, o order.Signed) error {
	d, err := i.verifyOrder(ctx, o, order.Refund)
	if err != nil {
		return err
	}
	if err := i.PullStatement(ctx); err != nil { // what has just arrived may be given back
		return err
	}
	if err := i.storeRefund(ctx, d, o); err != nil {
		return err
	}
	return i.submitRefund(ctx, notary.Refund{
		Order: notary.OrderKey(o.Key()), Payee: d.ID, Payer: o.Of.Payer, ATC: o.Of.ATC,
		Amount: o.Amount,
	})
}

// storeRefund does step 1.
func (i *Intermediary) storeRefund(ctx context.Context, d storedDevice, o order.Signed) error {
	digest := o.Digest()
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		var kept []byte
		found, err := store.Get(ctx, tx, store.Into{&kept},
			`SELECT digest FROM refund WHERE id = $1`, o.Key())
		switch {
		case found && bytes.Equal(kept, digest[:]):
			return nil
		case found:
			return fmt.Errorf("refund order %s: %w", o.Key(), banking.ErrTaken)
		case err != nil:
			return fmt.Errorf("intermediary: refund order %s: %w", o.Key(), err)
		}
		lost, _, err := takeLostOrder(ctx, tx, lostRefund+o.Key(), d.ID, o.Amount)
		if err != nil {
			return err
		}
		state := refundPlaced
		if lost.repaid {
			state = refundDone
		}
		if err := store.Exec(ctx, tx, `INSERT INTO refund (id, terminal, payer, atc, amount, digest,
			state) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			o.Key(), d.ID, o.Of.Payer, o.Of.ATC, int64(o.Amount), digest[:],
			state); err != nil {
			return fmt.Errorf("intermediary: refund order %s: %w", o.Key(), err)
		}
		if state == refundDone {
			return nil
		}
		_, err = ledger.Post(ctx, tx, i.clock.Now(), ledger.Order{
			Key: "refund:" + o.Key(), Memo: "refund by " + string(d.ID),
			Lines: []ledger.Line{{Account: wallet(d.Customer), Amount: -o.Amount},
				{Account: transit, Amount: o.Amount}},
		})
		var short *ledger.ShortError
		if errors.As(err, &short) {
			return &order.Refused{Reason: banking.Refuse(banking.ErrNotCovered, "the online "+
				"wallet holds %s, %s cannot be refunded: synchronise the terminal, or put money "+
				"into the online wallet", short.Balance, o.Amount)}
		}
		return err
	})
}

// submitRefund does steps 2 and 3 for an order that is kept.
func (i *Intermediary) submitRefund(ctx context.Context, r notary.Refund) error {
	err := i.notary.Refund(ctx, r)
	var refused *notary.Error
	if errors.As(err, &refused) {
		if err := i.endRefund(ctx, r, refundRefused, func(tx *sql.Tx) error {
			_, err := ledger.Reverse(ctx, tx, i.clock.Now(), "refund-refused:"+string(r.Order),
				"refund:"+string(r.Order))
			return err
		}); err != nil {
			return err
		}
		return &order.Refused{Reason: refused}
	}
	if err != nil {
		return err
	}
	if err := i.PullStatement(ctx); err != nil {
		return err
	}
	// An order that the statement has not closed by now was known to the notary
	// before it was kept here: it came again after the restore of a backup, when own
	// funds had paid for it already.
	return i.endRefund(ctx, r, refundDone, func(tx *sql.Tx) error {
		_, err := ledger.Post(ctx, tx, i.clock.Now(), ledger.Order{
			Key: "refund-repaid:" + string(r.Order), Memo: "refund paid before",
			Lines: []ledger.Line{{Account: transit, Amount: -r.Amount},
				{Account: ownFunds, Amount: r.Amount}},
		})
		return err
	})
}

// endRefund brings a placed order to its final state, and posts the money that was set aside for
// it.
func (i *Intermediary) endRefund(
	ctx context.Context, r notary.Refund, state refundState, post func(tx *sql.Tx) error,
) error {
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		if moved, _, err := moveRefund(ctx, tx, string(r.Order), state); err != nil || !moved {
			return err
		}
		return post(tx)
	})
}

// moveRefund carries an order from placed to its final state. It reports whether
// this call did, and whether the order is known.
func moveRefund(
	ctx context.Context, tx *sql.Tx, id string, to refundState,
) (moved, known bool, err error) {
	changed, err := store.Changed(ctx, tx,
		`UPDATE refund SET state = $1 WHERE id = $2 AND state = $3`, to, id, refundPlaced)
	if err != nil {
		return false, false, fmt.Errorf("intermediary: refund order %s: %w", id, err)
	}
	err = store.Must(ctx, tx, store.Into{&known}, `SELECT count(*) > 0 FROM refund WHERE id = $1`,
		id)
	return changed == 1, known, err
}

// resumeRefunds carries on with every refund that a crash interrupted.
func (i *Intermediary) resumeRefunds(ctx context.Context) error {
	open, err := store.All(ctx, i.db, func(row store.Row) (r notary.Refund, err error) {
		err = row.Scan(&r.Order, &r.Payee, &r.Payer, &r.ATC, &r.Amount)
		return r, err
	}, `SELECT id, terminal, payer, atc, amount FROM refund WHERE state = $1 ORDER BY id`,
		refundPlaced)
	if err != nil {
		return fmt.Errorf("intermediary: refund orders: %w", err)
	}
	for _, r := range open {
		var refused *order.Refused
		if err := i.submitRefund(ctx, r); err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return nil
}
