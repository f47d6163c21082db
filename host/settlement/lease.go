package settlement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ekrona.example/host/store"
)

// Lease says which of the notaries on one database decides. Every transaction that writes begins
// with a look at it, after those before it have ended: one that has lost the lease writes nothing,
// however long it was held up. A notary keeps nothing from one transaction to the next but keys
// that never change, so whoever takes over goes on at once.
type Lease struct {
	// Holder names this notary to the others: best the address by which it is called.
	Holder string
	// Time is how long the lease is left to a holder that does not renew it. Zero is for a notary
	// that shares its database with none that matters: it takes the lease whenever it needs it.
	Time time.Duration
}

// HeldError says that another notary decides at the moment: nothing has happened, and the call is
// for that one.
type HeldError struct{ Holder string }

// Error names the holder.
func (e *HeldError) Error() string {
	return fmt.Sprintf("another notary decides on this database: call %s", e.Holder)
}

// holdLease takes the lease, or renews it when a third of its time is over.
func (n *Notary) holdLease(ctx context.Context, tx *sql.Tx, now time.Time) error {
	var holder, until string
	var term int64
	if err := store.Must(ctx, tx, store.Into{&term, &holder, &until},
		"SELECT term, holder, until FROM writer_lease"); err != nil {
		return err
	}
	var ends time.Time
	var err error
	if until != "" {
		if ends, err = time.Parse(time.RFC3339Nano, until); err != nil {
			return store.Failed(err)
		}
	}
	own := holder == n.lease.Holder && term == n.term.Load()
	switch {
	case own && (n.lease.Time == 0 || ends.Sub(now) >= n.lease.Time*2/3):
		return nil
	case holder != n.lease.Holder && n.lease.Time > 0 && now.Before(ends):
		return &HeldError{holder}
	case !own:
		term++
	}
	if err := store.Exec(ctx, tx, "UPDATE writer_lease SET term = $1, holder = $2, until = $3",
		term, n.lease.Holder, now.Add(n.lease.Time).Format(stampLayout)); err != nil {
		return err
	}
	n.term.Store(term) // if the commit fails, the term is another's, or taken again
	return nil
}

// GiveUp ends this notary's lease, so that another one need not wait for its end: at a graceful
// stop.
func (n *Notary) GiveUp(ctx context.Context) error {
	err := n.write(ctx, &job{do: func(t *txn) error {
		return t.exec("UPDATE writer_lease SET term = term + 1, until = ''")
	}})
	var held *HeldError
	if errors.As(err, &held) {
		return nil
	}
	return err
}
