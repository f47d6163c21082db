package intermediary

import (
	"context"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"

	"ekrona/apdu/signature"
	"ekrona/host/ledger"
	"ekrona/host/money"
	"ekrona/host/store"
)

// ErrNoCustomer says that a customer is not known here.
var ErrNoCustomer = errors.New("intermediary: no such customer: add the customer first")

// ErrTaken says that an id was used before for something else.
var ErrTaken = errors.New("intermediary: this id was used before with other content: choose a new one")

// Customer is an owner of devices with an online wallet.
type Customer struct {
	ID   string // the intermediary's own reference, not empty
	Name string
	App  *ecdsa.PublicKey // key of the customer's wallet app, on P-256
}

// AddCustomer opens a customer's online wallet. The same customer again is fine.
// Errors: [ErrTaken].
func (i *Intermediary) AddCustomer(ctx context.Context, c Customer) error {
	point, err := signature.Point(c.App)
	if err != nil || c.ID == "" {
		return fmt.Errorf("intermediary: customer %q: give an id and a key on P-256", c.ID)
	}
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		if err := store.Exec(ctx, tx, `INSERT INTO customer (id, name, app_key) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`,
			c.ID, c.Name, point); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", c.ID, err)
		}
		kept, err := customer(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if kept.Name != c.Name || !kept.App.Equal(c.App) {
			return fmt.Errorf("customer %s: %w", c.ID, ErrTaken)
		}
		return ledger.Open(ctx, tx, wallet(c.ID))
	})
}

// ReplaceApp registers the key of another app for a customer who has changed phones.
// The caller has made sure who that is: on the word of the former key alone a thief of
// the phone could. The former key signs nothing more and never comes back; orders that
// it has placed stand. The same key again is fine. After a backup was restored the keys
// that came later are registered again. Errors: [ErrNoCustomer], [ErrTaken] for a key
// that has ended.
func (i *Intermediary) ReplaceApp(ctx context.Context, id string, app *ecdsa.PublicKey) error {
	point, err := signature.Point(app)
	if err != nil {
		return fmt.Errorf("intermediary: customer %q: give a key on P-256", id)
	}
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		kept, err := customer(ctx, tx, id)
		if err != nil || kept.App.Equal(app) {
			return err
		}
		var ended bool
		if err := store.Must(ctx, tx, store.Into{&ended}, `SELECT EXISTS (SELECT 1 FROM ended_app_key WHERE app_key = $1)`, point); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", id, err)
		}
		if ended {
			return fmt.Errorf("app key of customer %s: %w", id, ErrTaken)
		}
		if err := store.Exec(ctx, tx, `INSERT INTO ended_app_key (app_key, customer) SELECT app_key, id FROM customer WHERE id = $1
			ON CONFLICT (app_key) DO NOTHING`, id); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", id, err)
		}
		if err := store.Exec(ctx, tx, `UPDATE customer SET app_key = $1 WHERE id = $2`, point, id); err != nil {
			return fmt.Errorf("intermediary: customer %s: %w", id, err)
		}
		return nil
	})
}

func customer(ctx context.Context, q store.Queryer, id string) (Customer, error) {
	c := Customer{ID: id}
	var point []byte
	found, err := store.Get(ctx, q, store.Into{&c.Name, &point}, `SELECT name, app_key FROM customer WHERE id = $1`, id)
	if err == nil && !found {
		return c, fmt.Errorf("customer %q: %w", id, ErrNoCustomer)
	}
	if err != nil {
		return c, fmt.Errorf("intermediary: customer %s: %w", id, err)
	}
	if c.App, err = signature.ParsePoint(point); err != nil {
		return c, fmt.Errorf("intermediary: customer %s: the app key kept is no point: %w", id, err)
	}
	return c, nil
}

// Deposit sells e-krona to a customer: from the intermediary's own funds to the
// online wallet, once for each order key. Errors: [ErrNoCustomer],
// ledger.ErrConflict, and [ErrOwnFunds] when it has not that much to sell.
func (i *Intermediary) Deposit(ctx context.Context, order, owner string, amount money.Ore) error {
	if amount <= 0 {
		return fmt.Errorf("intermediary: a deposit of %s: give more than 0.00 kr", amount)
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
			Lines: []ledger.Line{{Account: ownFunds, Amount: -amount}, {Account: wallet(owner), Amount: amount}},
		})
		if err != nil || !posted {
			return err
		}
		left, err := ledger.Balance(ctx, tx, ownFunds)
		if err == nil && left < 0 {
			err = fmt.Errorf("deposit %s of %s: %w", order, amount, ErrOwnFunds)
		}
		return err
	})
}

// ErrOwnFunds says that the intermediary has not enough e-krona of its own.
var ErrOwnFunds = errors.New("intermediary: own e-krona do not cover this: let the central bank issue more first")

// OnlineBalance is what a customer's online wallet holds, the notary's latest
// statement posted and what was set aside for a card that has ended since back in it:
// such a card may never come again. Errors: [ErrNoCustomer], the notary's.
func (i *Intermediary) OnlineBalance(ctx context.Context, owner string) (money.Ore, error) {
	if err := i.PullStatement(ctx); err != nil {
		return 0, err
	}
	if _, err := customer(ctx, i.db, owner); err != nil {
		return 0, err
	}
	if err := i.refuseLoadsOfEnded(ctx, owner); err != nil {
		return 0, err
	}
	return ledger.Balance(ctx, i.db, wallet(owner))
}
