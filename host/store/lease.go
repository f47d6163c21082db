package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"ekrona.example/host/clock"
)

// Lease says which of the processes on one database writes. Every write transaction of a handle on
// which a lease is held begins with a look at it, after those before it have ended: a process that
// has lost the lease writes nothing, however long it was held up. So its clock decides only how
// soon another one takes over, and never what is written.
type Lease struct {
	// Holder names this process to the others: the address by which it is called. A process that
	// starts takes a lease of its own name at once, as after a crash; of two with one name the
	// later has it.
	Holder string
	// Time is for how long the lease is left to a holder that does not renew it.
	Time  time.Duration
	Clock clock.Clock
}

// HeldError says that another process writes at the moment: nothing has happened, and the call is
// for that one.
type HeldError struct{ Holder string }

// Error names the holder.
func (e *HeldError) Error() string {
	return fmt.Sprintf("another process decides on this database: call %s", e.Holder)
}

// HeldBy names the holder, see remote.Elsewhere.
func (e *HeldError) HeldBy() string { return e.Holder }

// StampLayout is RFC 3339 with a fixed number of digits, so that stamps in UTC compare as text.
const StampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// Holding is the part that one handle of a database has in its lease.
type Holding struct {
	db    *sql.DB
	lease Lease

	mu     sync.Mutex
	term   int64     // of the lease when this process took it last
	holder string    // when it was looked at last; empty before
	self   bool      // it is this process
	until  time.Time // for how long
}

// errForeign is for a handle that this package has not opened.
var errForeign = errors.New("the database was not opened by package store")

// Hold has every later write transaction of a handle stand under a lease. The database has a table
// writer_lease with one row. Nothing is read or written yet: see [Holding.Renew].
func Hold(db *sql.DB, l Lease) (*Holding, error) {
	c := connectorOf(db)
	if c == nil {
		return nil, errForeign
	}
	l.Clock = clock.OrSystem(l.Clock)
	h := &Holding{db: db, lease: l}
	c.holding.Store(h)
	return h, nil
}

// holdingOf returns the part of a handle in a lease; nil for none.
func holdingOf(db *sql.DB) *Holding {
	if c := connectorOf(db); c != nil {
		return c.holding.Load()
	}
	return nil
}

// check takes the lease at the start of a write transaction, or renews it when a third of its time
// is over. Errors: [*HeldError].
func (h *Holding) check(ctx context.Context, tx *sql.Tx) error {
	var holder, until string
	var term int64
	if err := Must(ctx, tx, Into{&term, &holder, &until},
		"SELECT term, holder, until FROM writer_lease"); err != nil {
		return err
	}
	var ends time.Time
	if until != "" {
		var err error
		if ends, err = time.Parse(time.RFC3339Nano, until); err != nil {
			return Failed(err)
		}
	}
	now := h.lease.Clock.Now().UTC()
	h.mu.Lock()
	own := holder == h.lease.Holder && term == h.term
	others := holder != h.lease.Holder || term != h.term && h.term != 0
	h.holder, h.self, h.until = holder, own, ends
	h.mu.Unlock()
	switch {
	case own && ends.Sub(now) >= h.lease.Time*2/3:
		return nil
	case others && now.Before(ends):
		return &HeldError{holder}
	case !own:
		term++
	}
	ends = now.Add(h.lease.Time)
	if err := Exec(ctx, tx, "UPDATE writer_lease SET term = $1, holder = $2, until = $3",
		term, h.lease.Holder, ends.Format(StampLayout)); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// If the commit fails, the term is another's, or taken again.
	h.term, h.holder, h.self, h.until = term, h.lease.Holder, true, ends
	return nil
}

// Renew takes the lease, or renews it. Errors: [*HeldError].
func (h *Holding) Renew(ctx context.Context) error {
	return InTx(ctx, h.db, func(*sql.Tx) error { return nil })
}

// GiveUp ends the own lease, so that another process need not wait for its end: at a graceful stop.
func (h *Holding) GiveUp(ctx context.Context) error {
	err := InTx(ctx, h.db, func(tx *sql.Tx) error {
		return Exec(ctx, tx, "UPDATE writer_lease SET term = term + 1, until = ''")
	})
	var held *HeldError
	if err == nil || errors.As(err, &held) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.until = time.Time{}
		return nil
	}
	return err
}

// Decides returns who holds the lease, as far as this process knows, and whether it is itself; the
// holder is empty when its time is over.
func (h *Holding) Decides() (holder string, self bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.lease.Clock.Now().Before(h.until) {
		return "", false
	}
	return h.holder, h.self
}

// Elsewhere returns the other process that holds the lease, as far as this one knows; empty where
// it may be this one's.
func (h *Holding) Elsewhere() string {
	holder, self := h.Decides()
	if self {
		return ""
	}
	return holder
}

// Due returns after which time the next [Holding.Renew] is due: for a holder before its lease ends,
// for another process as soon as it has.
func (h *Holding) Due() time.Duration {
	third := h.lease.Time / 3
	holder, self := h.Decides()
	if holder == "" || self {
		return third
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return min(third, max(h.until.Sub(h.lease.Clock.Now()), time.Millisecond))
}
