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
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"ekrona/apdu/money"
	"ekrona/host/store"
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

func post(
	ctx context.Context, tx *sql.Tx, at time.Time, o Order, reverses sql.NullString,
) (bool, error) {
	hash := contentHash(o)
	var known []byte
	switch posted, err := store.Get(ctx, tx, store.Into{&known},
		"SELECT hash FROM ledger_order WHERE key = $1", o.Key); {
	case err != nil:
		return false, wrap(err, "order %q", o.Key)
	case posted && string(known) == string(hash[:]):
		return false, nil
	case posted:
		return false, fmt.Errorf("order %q: %w", o.Key, ErrConflict)
	}
	if reverses.Valid {
		n, err := store.Number(ctx, tx, "SELECT count(*) FROM ledger_order WHERE reverses = $1",
			reverses)
		if err != nil {
			return false, wrap(err, "order %q", o.Key)
		}
		if n > 0 {
			return false, fmt.Errorf("order %q, already reversed: %w", reverses.String, ErrConflict)
		}
	}
	if err := checkBalanced(o); err != nil {
		return false, err
	}
	var id int64
	err := store.Must(ctx, tx, store.Into{&id}, "INSERT INTO ledger_order (key, hash, memo, "+
		"reverses, at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
		o.Key, hash[:], o.Memo, reverses, at.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return false, wrap(err, "order %q", o.Key)
	}
	if err := apply(ctx, tx, o); err != nil {
		return false, err
	}
	for i, line := range o.Lines {
		if line.Amount == 0 {
			continue
		}
		if err := store.Exec(ctx, tx,
			"INSERT INTO ledger_entry (order_id, line, account, amount) VALUES ($1, $2, $3, $4)",
			id, i, line.Account.String(), int64(line.Amount)); err != nil {
			return false, wrap(err, "order %q", o.Key)
		}
	}
	return true, nil
}

func checkBalanced(o Order) error {
	var sum money.Ore
	moved := false
	for _, line := range o.Lines {
		var err error
		if sum, err = sum.Add(line.Amount); err != nil {
			return fmt.Errorf("order %q: %w", o.Key, err)
		}
		moved = moved || line.Amount != 0
	}
	if sum != 0 || !moved || o.Key == "" {
		return fmt.Errorf("order %q: lines sum to %s; an order has a key, moves something and "+
			"sums to zero", o.Key, sum)
	}
	return nil
}

// apply changes the balances, each account once by the sum of its lines, so that the order of lines
// cannot make one fall short.
func apply(ctx context.Context, tx *sql.Tx, o Order) error {
	changes, accounts := map[Account]money.Ore{}, []Account{}
	for _, line := range o.Lines {
		change, seen := changes[line.Account]
		if !seen {
			accounts = append(accounts, line.Account)
		}
		change, err := change.Add(line.Amount)
		if err != nil {
			return fmt.Errorf("order %q: %w", o.Key, err)
		}
		changes[line.Account] = change
	}
	for _, account := range accounts {
		before, err := Balance(ctx, tx, account)
		if err != nil {
			return fmt.Errorf("order %q: %w", o.Key, err)
		}
		after, err := before.Add(changes[account])
		if err != nil {
			return fmt.Errorf("order %q, account %s: %w", o.Key, account, err)
		}
		if after < 0 && !account.Kind.MayOverdraw() {
			return &ShortError{Account: account, Balance: before, Change: changes[account]}
		}
		if err := store.Exec(ctx, tx, "UPDATE ledger_account SET balance = $1 WHERE name = $2",
			int64(after), account.String()); err != nil {
			return wrap(err, "order %q, account %s", o.Key, account)
		}
	}
	return nil
}

func contentHash(o Order) [32]byte {
	var content []byte
	put := func(s string) {
		content = append(binary.BigEndian.AppendUint32(content, uint32(len(s))), s...)
	}
	put(o.Memo)
	for _, line := range o.Lines {
		if line.Amount != 0 {
			put(line.Account.String())
			content = binary.BigEndian.AppendUint64(content, uint64(line.Amount))
		}
	}
	return sha256.Sum256(content)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ledger: "+format+": %w", append(args, err)...)
}
