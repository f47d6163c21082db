package settlement

import (
	"fmt"
	"slices"

	"ekrona/host/store"
)

// Every change in the tests of this package is made twice: by a sweep over everything, which is
// undone, and by one over what was touched. Both must move the same.
func init() { settle = settleBothWays }

func settleBothWays(t *txn) error {
	before, err := t.books()
	if err != nil {
		return err
	}
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
		panic(fmt.Sprintf("what was touched is not all that could move\nbefore: %q\nall: %q\n"+
			"touched: %q", before, whole, after))
	}
	return nil
}

// sweepEverything returns what a sweep over everything would leave, and undoes it.
func (t *txn) sweepEverything() ([]string, error) {
	if err := t.exec("SAVEPOINT whole"); err != nil {
		return nil, err
	}
	sweep := *t
	sweep.touched = newTouched()
	sweep.touched.everything = true
	if err := sweep.settlePending(); err != nil {
		return nil, err
	}
	left, err := t.books()
	if err != nil {
		return nil, err
	}
	if err := t.exec("ROLLBACK TO SAVEPOINT whole"); err != nil {
		return nil, err
	}
	return left, t.exec("RELEASE SAVEPOINT whole")
}

// books returns all that a sweep changes, in words.
func (t *txn) books() ([]string, error) {
	var all []string
	for _, query := range []string{
		`SELECT 'payment ' || n || ' verdict ' || verdict || ' from ' || from_shadow || ' ' ||
			from_holding || ' ' || from_pool FROM payment ORDER BY n`,
		`SELECT 'decision ' || payee || ' ' || request FROM payee_decision ORDER BY payee, request`,
		`SELECT name || ' ' || balance FROM ledger_account ORDER BY name`,
		`SELECT 'order ' || key FROM ledger_order ORDER BY key`,
		`SELECT 'entry ' || intermediary || ' ' || kind || ' ' || device || ' ' || online || ' ' ||
			shadow || ' ' || payer || ' ' || atc FROM statement ORDER BY seq`,
		`SELECT id || ' ' || status || ' ' || holding_debt || ' ' || pool_debt || ' ' || sweeps
			FROM device ORDER BY id`,
	} {
		lines, err := store.Column[string](t.ctx, t.tx, query)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	return all, nil
}
