// Package ledger is double entry for e-krona, used by the central bank and by every intermediary:
// accounts of a few kinds, and orders whose lines sum to zero. Nothing is ever changed or deleted;
// a correction is a reversal. Start at Post.
//
// It trusts its callers to name the right accounts, and checks the rest in the caller's own
// transaction: lines balance, no account falls below zero that must not, and an order that is
// repeated under its key is the same order.
package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the ledger's tables, for store.Open.
func Schema() (store.Schema, error) { return store.Embedded("ledger", migrations) }

// With returns the ledger's tables and those of the package that keeps its accounts in it.
func With(other store.Schema, err error) ([]store.Schema, error) {
	own, ledgers := Schema()
	return []store.Schema{own, other}, errors.Join(ledgers, err)
}

// Line changes one account by Amount: positive adds, negative takes.
type Line struct {
	Account Account
	Amount  money.Ore
}

// Order is one balanced movement. Key makes it happen once; the memo is for human readers and
// belongs to its content.
type Order struct {
	Key   string
	Memo  string
	Lines []Line // in the order given; lines of amount 0 are left out
}

// ErrConflict means that an order's key was used before for another content, or a reversal asked
// twice under two keys.
var ErrConflict = errors.New("the order key was used for another order")

// ErrNoAccount means that an account was never opened.
var ErrNoAccount = errors.New("there is no such account; open it first")

// ShortError means that an account that must not be below zero would have been. Nothing was posted.
type ShortError struct {
	Account Account
	Balance money.Ore // before the order
	Change  money.Ore // what the order's lines would have added
}

// Error names account, balance and the amount of the order.
func (e *ShortError) Error() string {
	return fmt.Sprintf("account %s holds %s, %s cannot be taken", e.Account, e.Balance, -e.Change)
}

// Open creates the account, or does nothing when it exists.
func Open(ctx context.Context, tx *sql.Tx, a Account) error {
	return wrap(store.Exec(ctx, tx, "INSERT INTO ledger_account (name, kind, overdraft) VALUES "+
		"($1, $2, $3) ON CONFLICT (name) DO NOTHING",
		a.String(), string(a.Kind), a.Kind.MayOverdraw()), "open account %s", a)
}

// Post carries out the order inside tx, once for its key: it reports whether this call did (false:
// it had been done, with the same content). Errors: ErrConflict, *ShortError, unbalanced lines,
// unknown account. On error the caller rolls tx back.
func Post(ctx context.Context, tx *sql.Tx, at time.Time, o Order) (posted bool, err error) {
	return post(ctx, tx, at, o, sql.NullString{})
}

// Reverse posts the opposite of the order with the key of, once, under its own key.
func Reverse(
	ctx context.Context, tx *sql.Tx, at time.Time, key, of string,
) (posted bool, err error) {
	lines, err := lines(ctx, tx, of)
	if err != nil {
		return false, err
	}
	for i := range lines {
		lines[i].Amount = -lines[i].Amount
	}
	return post(ctx, tx, at, Order{Key: key, Memo: "reversal of " + of, Lines: lines},
		sql.NullString{String: of, Valid: true})
}

// post posts one order by itself, row by row, which both databases understand.
func post(
	ctx context.Context, tx *sql.Tx, at time.Time, o Order, reverses sql.NullString,
) (bool, error) {
	book := NewBook(tx, store.SQLite)
	posted, err := book.post(ctx, at, o, reverses)
	if err != nil || !posted {
		return false, err
	}
	return true, book.Flush(ctx)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ledger: "+format+": %w", append(args, err)...)
}
