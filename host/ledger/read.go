package ledger

import (
	"context"
	"fmt"
	"strings"

	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

// Balance returns what an account holds. An account that was never opened is an error.
func Balance(ctx context.Context, q store.Queryer, a Account) (money.Ore, error) {
	var balance money.Ore
	opened, err := store.Get(ctx, q, store.Into{&balance},
		"SELECT balance FROM ledger_account WHERE name = $1", a.String())
	if err == nil && !opened {
		return 0, fmt.Errorf("ledger: %s: %w", a, ErrNoAccount)
	}
	return balance, wrap(err, "account %s", a)
}

// Holding is an account with its balance.
type Holding struct {
	Account Account
	Balance money.Ore
}

// Holdings returns the accounts of one kind, by name.
func Holdings(ctx context.Context, q store.Queryer, kind Kind) ([]Holding, error) {
	holdings, err := store.All(ctx, q, scanHolding,
		"SELECT name, balance FROM ledger_account WHERE kind = $1 ORDER BY name", string(kind))
	return holdings, wrap(err, "accounts of kind %s", kind)
}

// HoldingsAfter returns the accounts of one kind after that of an id, by name, at most limit.
func HoldingsAfter(
	ctx context.Context, q store.Queryer, kind Kind, id string, limit int,
) ([]Holding, error) {
	holdings, err := store.All(ctx, q, scanHolding, "SELECT name, balance FROM ledger_account "+
		"WHERE kind = $1 AND name > $2 ORDER BY name LIMIT $3", string(kind),
		Account{Kind: kind, ID: id}.String(), limit)
	return holdings, wrap(err, "accounts of kind %s", kind)
}

func scanHolding(row store.Row) (h Holding, err error) {
	var name string
	err = row.Scan(&name, &h.Balance)
	h.Account = accountNamed(name)
	return h, err
}

func accountNamed(name string) Account {
	kind, id, _ := strings.Cut(name, ":")
	return Account{Kind: Kind(kind), ID: id}
}

func lines(ctx context.Context, q store.Queryer, key string) ([]Line, error) {
	all, err := store.All(ctx, q, func(row store.Row) (l Line, err error) {
		var name string
		err = row.Scan(&name, &l.Amount)
		l.Account = accountNamed(name)
		return l, err
	}, "SELECT e.account, e.amount FROM ledger_entry e JOIN ledger_order o ON o.id = e.order_id "+
		"WHERE o.key = $1 ORDER BY e.line", key)
	if err != nil {
		return nil, wrap(err, "order %q", key)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("ledger: there is no order %q to reverse", key)
	}
	return all, nil
}

// Verify recomputes everything from the entries: each order sums to zero, each balance is the sum
// of its account's entries, and none is below zero that must not be. The error names the first
// violation.
func Verify(ctx context.Context, q store.Queryer) error {
	for _, check := range []struct{ what, query string }{
		{"order does not sum to zero", "SELECT o.key FROM ledger_order o LEFT JOIN ledger_entry " +
			"e ON e.order_id = o.id GROUP BY o.id, o.key HAVING coalesce(sum(e.amount), 1) <> 0 " +
			"LIMIT 1"},
		{"balance is not the sum of its entries", "SELECT a.name FROM ledger_account a LEFT JOIN " +
			"ledger_entry e ON e.account = a.name GROUP BY a.name, a.balance HAVING a.balance <> " +
			"coalesce(sum(e.amount), 0) LIMIT 1"},
		{"account is below zero",
			"SELECT name FROM ledger_account WHERE NOT overdraft AND balance < 0 LIMIT 1"},
	} {
		var name string
		if found, err := store.Get(ctx, q, store.Into{&name}, check.query); err != nil {
			return wrap(err, "verify")
		} else if found {
			return fmt.Errorf("ledger: %s: %s", name, check.what)
		}
	}
	return nil
}
