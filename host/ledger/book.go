package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"time"

	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

// Book posts the orders of one transaction: it reads each account once, keeps what it has posted,
// and writes it with Flush, in sets. Nobody else may change the ledger's rows in between.
type Book struct {
	tx      *sql.Tx
	dialect store.Dialect

	balances map[Account]*balance
	posted   map[string][32]byte // hashes of the orders that are known, by their keys
	unknown  map[string]bool     // keys for which there was no order
	last     int64               // number of the last order, 0 when it is not read yet
	orders   store.Set
	entries  store.Set
}

// balance is what an account holds.
type balance struct {
	now     money.Ore
	opened  bool
	changed bool
}

// NewBook returns the book of a transaction.
func NewBook(tx *sql.Tx, d store.Dialect) *Book {
	b := &Book{tx: tx, dialect: d}
	b.orders.Columns = []store.Field{{Name: "id", Type: store.BigInt},
		{Name: "key", Type: store.Text}, {Name: "hash", Type: store.Bytes},
		{Name: "memo", Type: store.Text}, {Name: "reverses", Type: store.Text},
		{Name: "at", Type: store.Text}}
	b.entries.Columns = []store.Field{{Name: "order_id", Type: store.BigInt},
		{Name: "line", Type: store.BigInt}, {Name: "account", Type: store.Text},
		{Name: "amount", Type: store.BigInt}}
	b.Forget()
	return b
}

// Forget forgets what was read, after others have changed it, and what was posted and is not
// written: of that nothing happens.
func (b *Book) Forget() {
	b.orders.Rows, b.entries.Rows = nil, nil
	b.balances, b.last = map[Account]*balance{}, 0
	b.posted, b.unknown = map[string][32]byte{}, map[string]bool{}
}

// Load reads the accounts that were not read before, together.
func (b *Book) Load(ctx context.Context, accounts ...Account) error {
	unread := store.Set{Columns: []store.Field{{Name: "name", Type: store.Text}}}
	for _, a := range accounts {
		if b.balances[a] == nil {
			b.balances[a] = &balance{}
			unread.Add(a.String())
		}
	}
	err := unread.Find(ctx, b.tx, b.dialect, func(row store.Row) error {
		var name string
		var now money.Ore
		if err := row.Scan(&name, &now); err != nil {
			return err
		}
		b.balances[accountNamed(name)] = &balance{now: now, opened: true}
		return nil
	}, "SELECT name, balance FROM ledger_account WHERE name = $1")
	if err != nil {
		b.Forget()
	}
	return wrap(err, "accounts")
}

// LoadOrders finds out for the keys of orders that are to be posted which of them were posted
// before, for all together.
func (b *Book) LoadOrders(ctx context.Context, keys ...string) error {
	unread := store.Set{Columns: []store.Field{{Name: "key", Type: store.Text}}}
	for _, key := range keys {
		if _, posted := b.posted[key]; !posted && !b.unknown[key] {
			b.unknown[key] = true
			unread.Add(key)
		}
	}
	err := unread.Find(ctx, b.tx, b.dialect, func(row store.Row) error {
		var key string
		var hash []byte
		if err := row.Scan(&key, &hash); err != nil {
			return err
		}
		delete(b.unknown, key)
		b.posted[key] = [32]byte(hash)
		return nil
	}, "SELECT key, hash FROM ledger_order WHERE key = $1")
	if err != nil {
		b.Forget()
	}
	return wrap(err, "orders")
}

// Open is the package's Open.
func (b *Book) Open(ctx context.Context, a Account) error {
	if err := b.Load(ctx, a); err != nil || b.balances[a].opened {
		return err
	}
	b.balances[a].opened = true
	return Open(ctx, b.tx, a)
}

// read returns an account, which must be opened.
func (b *Book) read(ctx context.Context, a Account) (*balance, error) {
	if err := b.Load(ctx, a); err != nil {
		return nil, err
	}
	if !b.balances[a].opened {
		return nil, fmt.Errorf("ledger: %s: %w", a, ErrNoAccount)
	}
	return b.balances[a], nil
}

// Balance is the package's Balance, with what was posted.
func (b *Book) Balance(ctx context.Context, a Account) (money.Ore, error) {
	held, err := b.read(ctx, a)
	if err != nil {
		return 0, err
	}
	return held.now, nil
}

// Post is the package's Post. After an error nothing of the order is in the book.
func (b *Book) Post(ctx context.Context, at time.Time, o Order) (posted bool, err error) {
	return b.post(ctx, at, o, sql.NullString{})
}

func (b *Book) post(
	ctx context.Context, at time.Time, o Order, reverses sql.NullString,
) (bool, error) {
	hash := contentHash(o)
	if err := b.LoadOrders(ctx, o.Key); err != nil {
		return false, err
	}
	known, posted := b.posted[o.Key]
	switch {
	case posted && known == hash:
		return false, nil
	case posted:
		return false, fmt.Errorf("order %q: %w", o.Key, ErrConflict)
	}
	if reverses.Valid {
		n, err := store.Number(ctx, b.tx, "SELECT count(*) FROM ledger_order WHERE reverses = $1",
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
	if err := b.apply(ctx, o); err != nil {
		return false, err
	}
	return true, b.add(ctx, at, o, hash, reverses)
}

// apply changes the balances, each account once by the sum of its lines, so that the order of lines
// cannot make one fall short.
func (b *Book) apply(ctx context.Context, o Order) error {
	after, accounts := map[Account]money.Ore{}, []Account{}
	for _, line := range o.Lines {
		if _, seen := after[line.Account]; !seen {
			accounts = append(accounts, line.Account)
			after[line.Account] = 0
		}
	}
	if err := b.Load(ctx, accounts...); err != nil {
		return err
	}
	for _, line := range o.Lines {
		change, err := after[line.Account].Add(line.Amount)
		if err != nil {
			return fmt.Errorf("order %q: %w", o.Key, err)
		}
		after[line.Account] = change
	}
	for _, account := range accounts {
		before, err := b.read(ctx, account)
		if err != nil {
			return fmt.Errorf("order %q: %w", o.Key, err)
		}
		change := after[account]
		if after[account], err = before.now.Add(change); err != nil {
			return fmt.Errorf("order %q, account %s: %w", o.Key, account, err)
		}
		if after[account] < 0 && !account.Kind.MayOverdraw() {
			return &ShortError{Account: account, Balance: before.now, Change: change}
		}
	}
	for account, now := range after {
		held := b.balances[account]
		held.changed = held.changed || held.now != now
		held.now = now
	}
	return nil
}

// add adds the rows of an order.
func (b *Book) add(
	ctx context.Context, at time.Time, o Order, hash [32]byte, reverses sql.NullString,
) error {
	if b.last == 0 {
		var err error
		if b.last, err = store.Number(ctx, b.tx, "SELECT max(id) FROM ledger_order"); err != nil {
			return wrap(err, "order %q", o.Key)
		}
	}
	b.last++
	b.posted[o.Key] = hash
	delete(b.unknown, o.Key)
	var of any
	if reverses.Valid {
		of = reverses.String
	}
	b.orders.Add(b.last, o.Key, hash[:], o.Memo, of, at.UTC().Format(time.RFC3339Nano))
	for i, line := range o.Lines {
		if line.Amount != 0 {
			b.entries.Add(b.last, int64(i), line.Account.String(), int64(line.Amount))
		}
	}
	return nil
}

// Flush writes what was posted.
func (b *Book) Flush(ctx context.Context) error {
	if len(b.orders.Rows) == 0 {
		return nil
	}
	changed := store.Set{Columns: []store.Field{{Name: "name", Type: store.Text},
		{Name: "balance", Type: store.BigInt}}}
	for account, held := range b.balances {
		if held.changed {
			changed.Add(account.String(), int64(held.now))
			held.changed = false
		}
	}
	changed.Sort()
	err := b.orders.Insert(ctx, b.tx, b.dialect, "ledger_order")
	if err == nil {
		err = changed.Update(ctx, b.tx, b.dialect, "ledger_account", 1)
	}
	if err == nil {
		err = b.entries.Insert(ctx, b.tx, b.dialect, "ledger_entry")
	}
	b.orders.Rows, b.entries.Rows = nil, nil
	return wrap(err, "write orders")
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
