package intermediary

import (
	"context"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/ledger"
	"ekrona.example/host/store"
)

// AddCustomer opens a customer's online wallet. The same customer again is fine.
// Errors: [banking.ErrTaken].
func (i *Intermediary) AddCustomer(ctx context.Context, c banking.Customer) error {
	point, err := signature.Point(c.App)
	if err != nil || c.ID == "" {
		return banking.Refuse(banking.ErrMalformed,
			"intermediary: customer %q: give an id and a key on P-256", c.ID)
	}
	if err := checkTexts(c.ID, c.Name); err != nil {
		return err
	}
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		if err := store.Exec(ctx, tx, `INSERT INTO customer (id, name, app_key) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO NOTHING`,
			c.ID, c.Name, point); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", c.ID, err)
		}
		kept, err := customer(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if kept.Name != c.Name || !kept.App.Equal(c.App) {
			return fmt.Errorf("customer %s: %w", c.ID, banking.ErrTaken)
		}
		return ledger.Open(ctx, tx, wallet(c.ID))
	})
}

// ReplaceApp registers the key of another app for a customer who has changed phones. The caller has
// identified the customer: the former key alone is no proof, since a thief of the phone has it too.
// The former key signs nothing more and never comes back; orders that it has placed stand. The same
// key again is fine. After a backup was restored the keys that came later are registered again.
// Errors: [banking.ErrNoCustomer], [banking.ErrTaken] for a key that has ended.
func (i *Intermediary) ReplaceApp(ctx context.Context, id string, app *ecdsa.PublicKey) error {
	point, err := signature.Point(app)
	if err != nil {
		return banking.Refuse(banking.ErrMalformed,
			"intermediary: customer %q: give a key on P-256", id)
	}
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		kept, err := customer(ctx, tx, id)
		if err != nil || kept.App.Equal(app) {
			return err
		}
		var ended bool
		if err := store.Must(ctx, tx, store.Into{&ended},
			`SELECT EXISTS (SELECT 1 FROM ended_app_key WHERE app_key = $1)`, point); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", id, err)
		}
		if ended {
			return fmt.Errorf("app key of customer %s: %w", id, banking.ErrTaken)
		}
		if err := store.Exec(ctx, tx, `INSERT INTO ended_app_key (app_key, customer) SELECT app_key,
			id FROM customer WHERE id = $1
			ON CONFLICT (app_key) DO NOTHING`, id); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", id, err)
		}
		if err := store.Exec(ctx, tx, `UPDATE customer SET app_key = $1 WHERE id = $2`, point,
			id); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", id, err)
		}
		return nil
	})
}

func customer(ctx context.Context, q store.Queryer, id string) (banking.Customer, error) {
	c := banking.Customer{ID: id}
	if err := checkTexts(id); err != nil {
		return c, err
	}
	var point []byte
	found, err := store.Get(ctx, q, store.Into{&c.Name, &point},
		`SELECT name, app_key FROM customer WHERE id = $1`, id)
	if err == nil && !found {
		return c, fmt.Errorf("customer %q: %w", id, banking.ErrNoCustomer)
	}
	if err != nil {
		return c, fmt.Errorf("intermediary: customer %s: %w", id, err)
	}
	if c.App, err = signature.ParsePoint(point); err != nil {
		return c, fmt.Errorf("intermediary: customer %s: the app key kept is no point: %w", id, err)
	}
	return c, nil
}

// Holdings are the devices of a customer.
type Holdings struct {
	Customer  string
	Cards     []message.DeviceID
	Terminals []message.DeviceID
}

// Holdings returns the devices of all customers, in the order of their ids.
func (i *Intermediary) Holdings(ctx context.Context) (all []Holdings, err error) {
	err = store.Each(ctx, i.db, func(row store.Row) error {
		var owner string
		var id sql.Null[message.DeviceID]
		var role sql.Null[spec.Role]
		if err := row.Scan(&owner, &id, &role); err != nil {
			return err
		}
		if n := len(all); n == 0 || all[n-1].Customer != owner {
			all = append(all, Holdings{Customer: owner})
		}
		last := &all[len(all)-1]
		switch {
		case id.Valid && role.V == spec.RoleCard:
			last.Cards = append(last.Cards, id.V)
		case id.Valid && role.V == spec.RoleTerminal:
			last.Terminals = append(last.Terminals, id.V)
		}
		return nil
	}, `SELECT customer.id, device.id, device.role FROM customer
		LEFT JOIN device ON device.customer = customer.id ORDER BY customer.id, device.id`)
	if err != nil {
		return nil, fmt.Errorf("intermediary: customers: %w", err)
	}
	return all, nil
}

// Deposit sells e-krona to a customer: from the intermediary's own funds to the online wallet, once
// for each order key. Errors: [banking.ErrNoCustomer], [banking.ErrTaken], and
// [banking.ErrOwnFunds] when it does not have that much to sell.
func (i *Intermediary) Deposit(ctx context.Context, order, owner string, amount money.Ore) error {
	if amount <= 0 {
		return banking.Refuse(banking.ErrMalformed,
			"intermediary: a deposit of %s: give more than 0.00 kr", amount)
	}
	if err := checkTexts(order, owner); err != nil {
		return err
	}
	if err := i.PullStatement(ctx); err != nil {
		return err
	}
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		if _, err := customer(ctx, tx, owner); err != nil {
			return err
		}
		posted, err := ledger.Post(ctx, tx, i.clock.Now(), ledger.Order{
			Key: "deposit:" + order, Memo: "e-krona bought by " + owner,
			Lines: []ledger.Line{{Account: ownFunds, Amount: -amount},
				{Account: wallet(owner), Amount: amount}},
		})
		if errors.Is(err, ledger.ErrConflict) {
			return fmt.Errorf("deposit %s: %w: %w", order, banking.ErrTaken, err)
		}
		if err != nil || !posted {
			return err
		}
		left, err := ledger.Balance(ctx, tx, ownFunds)
		if err == nil && left < 0 {
			err = fmt.Errorf("deposit %s of %s: %w", order, amount, banking.ErrOwnFunds)
		}
		if err != nil {
			return err
		}
		return i.repayLostOrders(ctx, tx)
	})
}

// OnlineBalance returns what a customer's online wallet holds. Before, it posts the notary's latest
// statement and returns to the wallet what was set aside for a card that has ended since: such a
// card may never synchronise again. Errors: [banking.ErrNoCustomer], the notary's.
func (i *Intermediary) OnlineBalance(ctx context.Context, owner string) (money.Ore, error) {
	if err := i.PullStatement(ctx); err != nil {
		return 0, err
	}
	if _, err := customer(ctx, i.db, owner); err != nil {
		return 0, err
	}
	waiting, err := i.loading(ctx, owner)
	if err != nil {
		return 0, err
	}
	if err := i.refuseLoadsOfEnded(ctx, waiting); err != nil {
		return 0, err
	}
	return ledger.Balance(ctx, i.db, wallet(owner))
}
