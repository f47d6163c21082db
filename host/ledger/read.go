package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"ekrona/apdu/money"
	"ekrona/host/store"
)

// Balance is what an account holds. An account that was never opened is an error.
func Balance(ctx context.Context, q store.Queryer, a Account) (money.Ore, error) {
	var balance int64
	err := q.QueryRowContext(ctx, "SELECT balance FROM ledger_account WHERE name = $1", a.String()).Scan(&balance)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("ledger: there is no account %s; open it first", a)
	}
	return money.Ore(balance), wrap(err, "account %s", a)
}

// Holding is an account with its balance.
type Holding struct {
	Account Account
	Balance money.Ore
}

// Holdings are the accounts of one kind, by name.
func Holdings(ctx context.Context, q store.Queryer, kind Kind) ([]Holding, error) {
	rows, err := q.QueryContext(ctx, "SELECT name, balance FROM ledger_account WHERE kind = $1 ORDER BY name", string(kind))
	if err != nil {
		return nil, wrap(err, "accounts of kind %s", kind)
	}
	defer rows.Close()
	var all []Holding
	for rows.Next() {
		var name string
		var balance int64
		if err := rows.Scan(&name, &balance); err != nil {
			return nil, wrap(err, "accounts of kind %s", kind)
		}
		all = append(all, Holding{accountNamed(name), money.Ore(balance)})
	}
	return all, wrap(rows.Err(), "accounts of kind %s", kind)
}

func accountNamed(name string) Account {
	kind, id, _ := strings.Cut(name, ":")
	return Account{Kind: Kind(kind), ID: id}
}

func lines(ctx context.Context, q store.Queryer, key string) ([]Line, error) {
	rows, err := q.QueryContext(ctx,
		"SELECT e.account, e.amount FROM ledger_entry e JOIN ledger_order o ON o.id = e.order_id WHERE o.key = $1 ORDER BY e.line", key)
	if err != nil {
		return nil, wrap(err, "order %q", key)
	}
	defer rows.Close()
	var all []Line
	for rows.Next() {
		var name string
		var amount int64
		if err := rows.Scan(&name, &amount); err != nil {
			return nil, wrap(err, "order %q", key)
		}
		all = append(all, Line{accountNamed(name), money.Ore(amount)})
	}
	if err := rows.Err(); err != nil {
		return nil, wrap(err, "order %q", key)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("ledger: there is no order %q to reverse", key)
	}
	return all, nil
}

// Verify recomputes everything from the entries: each order sums to zero, each balance is the sum of its account's entries, and
// none is below zero that must not be. It names the first that is not so.
func Verify(ctx context.Context, q store.Queryer) error {
	for _, check := range []struct{ what, query string }{
		{"order does not sum to zero", "SELECT o.key FROM ledger_order o LEFT JOIN ledger_entry e ON e.order_id = o.id GROUP BY o.id, o.key HAVING coalesce(sum(e.amount), 1) <> 0 LIMIT 1"},
		{"balance is not the sum of its entries", "SELECT a.name FROM ledger_account a LEFT JOIN ledger_entry e ON e.account = a.name GROUP BY a.name, a.balance HAVING a.balance <> coalesce(sum(e.amount), 0) LIMIT 1"},
		{"account is below zero", "SELECT name FROM ledger_account WHERE overdraft = 0 AND balance < 0 LIMIT 1"},
	} {
		var name string
		switch err := q.QueryRowContext(ctx, check.query).Scan(&name); {
		case err == nil:
			return fmt.Errorf("ledger: %s: %s", name, check.what)
		case !errors.Is(err, sql.ErrNoRows):
			return wrap(err, "verify")
		}
	}
	return nil
}
