package settlement

import (
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

// Every change in the tests of this package is made twice: by a sweep over everything, which is
// undone, and by one over what was touched. Both must move the same.
func init() { settle = settleBothWays }

func settleBothWays(t *txn) error {
	whole, err := t.sweepEverything()
	if err != nil {
		return err
	}
	if err := t.settlePending(); err != nil {
		return err
	}
	after, err := t.books()
	if err != nil {
		return err
	}
	if !slices.Equal(whole, after) {
		panic(fmt.Sprintf("what was touched is not all that could move\nall: %q\ntouched: %q",
			whole, after))
	}
	return nil
}

// sweepEverything returns what a sweep over everything would leave, and undoes it.
func (t *txn) sweepEverything() (left []string, err error) {
	err = t.undo(func() error {
		if err := t.everythingTouched().settlePending(); err != nil {
			return err
		}
		left, err = t.books()
		return err
	})
	return left, err
}

// everythingTouched returns the transaction as if it had touched everything.
func (t *txn) everythingTouched() *txn {
	whole := *t
	whole.touched = newTouched()
	whole.touched.everything = true
	return &whole
}

// undo calls do and undoes what it has done.
func (t *txn) undo(do func() error) error {
	if err := t.exec("SAVEPOINT undone"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	if err := t.exec("ROLLBACK TO SAVEPOINT undone"); err != nil {
		return err
	}
	return t.exec("RELEASE SAVEPOINT undone")
}

// books returns all that a sweep changes, in words.
func (t *txn) books() ([]string, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	return store.Column[string](t.ctx, t.tx, `SELECT line FROM (
		SELECT 'payment ' || n || ': verdict ' || verdict || ', from ' || from_shadow || ' ' ||
			from_holding || ' ' || from_pool || ', netting ' || netting AS line FROM payment
		UNION ALL SELECT 'decision ' || payee || ' ' || request FROM payee_decision
		UNION ALL SELECT 'account ' || name || ' ' || balance FROM ledger_account
		UNION ALL SELECT 'order ' || key FROM ledger_order
		UNION ALL SELECT 'entry ' || intermediary || ' ' || kind || ' ' || device || ' ' ||
			online || ' ' || shadow || ' ' || payer || ' ' || atc FROM statement
		UNION ALL SELECT 'device ' || id || ' ' || status || ' ' || holding_debt || ' ' ||
			pool_debt || ' ' || sweeps || ' ' || lent || ' ' || repayments || ' ' ||
			netting || ' ' || netted FROM device
		UNION ALL SELECT 'pool lent ' || lent FROM pool_ahead) AS lines ORDER BY line`)
}

// Sweeps is how much changes have looked at, and how long that took.
type Sweeps struct {
	Changes     int
	Whole       int // payments that a sweep over everything reads
	Touched     int // payments that are read
	MostTouched int // in one change
	WholeTime   time.Duration
	TouchedTime time.Duration
}

// MeasureSweeps measures every change until the returned function is called, in place of comparing
// what it leaves.
func MeasureSweeps() (all *Sweeps, stop func()) {
	all = &Sweeps{}
	settle = func(t *txn) error {
		open, _, err := t.everything()
		if err != nil {
			return err
		}
		pending, _, err := t.pending()
		if err != nil {
			return err
		}
		all.Changes++
		all.Whole += len(open)
		all.Touched += len(pending)
		all.MostTouched = max(all.MostTouched, len(pending))
		began := time.Now()
		if err := t.undo(t.everythingTouched().settlePending); err != nil {
			return err
		}
		all.WholeTime += time.Since(began)
		began = time.Now()
		err = t.settlePending()
		all.TouchedTime += time.Since(began)
		return err
	}
	return all, func() { settle = settleBothWays }
}

// OnlyTouched has changes sweep over what they touched alone, as the program does, until the
// returned function is called: for measurements.
func OnlyTouched() (stop func()) {
	settle = (*txn).settlePending
	return func() { settle = settleBothWays }
}

// Waiting returns how many callers wait for a decision.
func Waiting(n *Notary) int {
	n.writer.mu.Lock()
	defer n.writer.mu.Unlock()
	return len(n.writer.waiting)
}

// Seed has the next NetLarge begin at a wallet, as a change does that came to it.
func Seed(n *Notary, wallet message.DeviceID) { n.large.add([]message.DeviceID{wallet}) }

// LeaveRings has changes settle only what can be paid one by one, and leave what can only move
// together to NetLarge, until the returned function is called.
func LeaveRings() (stop func()) {
	choose = func(claims []claim, available map[message.DeviceID]money.Ore) (chosen []claim) {
		set := newNet(claims, available)
		for i := range claims {
			set.keep(i, false)
		}
		set.enlarge()
		for i, kept := range set.kept {
			if kept {
				chosen = append(chosen, claims[i])
			}
		}
		return chosen
	}
	return func() { choose = netting }
}
