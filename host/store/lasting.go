package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
)

// lasting says whether what can be read in a database on a server is on its synchronous standby
// too. A commit becomes visible when the standby has it, with two exceptions. A server that was
// killed makes everything visible when it comes up again that it had written itself. And a commit
// whose wait is broken off is visible, and was not answered. In both cases an answer by what is
// read could be lost with the server: after a new connection, and after a commit without an answer,
// whatever is read is answered only after one more commit, which waits for all before it.
type lasting struct {
	doubts atomic.Int64 // connections that were opened, commits without an answer
	proven atomic.Int64 // how many of them a commit has followed

	once sync.Once
	turn chan struct{} // one proves for all
}

func (l *lasting) doubt() { l.doubts.Add(1) }

func (l *lasting) isProven() bool { return l.proven.Load() == l.doubts.Load() }

// prove returns when everything lasts that was visible before it was called.
func (l *lasting) prove(ctx context.Context, db *sql.DB) error {
	if l.isProven() {
		return nil
	}
	l.once.Do(func() { l.turn = make(chan struct{}, 1) })
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return Failed(ctx.Err())
	}
	if l.isProven() {
		return nil
	}
	return again(ctx, func() (committing bool, err error) {
		tx, release, err := begin(ctx, db, nil)
		if err != nil {
			return false, err
		}
		defer release()
		doubts := l.doubts.Load() // its own connection too: the commit comes after it
		if committing, err = commitMark(ctx, tx); err != nil {
			return committing, Failed(fmt.Errorf("what was read may or may not last: %w", err))
		}
		l.proven.Store(doubts)
		return true, nil
	})
}

// commitMark commits what waits for the standby, where the server has one to wait for.
func commitMark(ctx context.Context, tx *sql.Tx) (committing bool, err error) {
	alone := false
	if err := Must(ctx, tx, Into{&alone},
		`SELECT current_setting('synchronous_standby_names') = ''`); err != nil || alone {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, postgresMark); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// lasts returns when all lasts that a database has shown.
func lasts(ctx context.Context, db *sql.DB) error {
	c := connectorOf(db)
	if c == nil || c.dialect != PostgreSQL {
		return nil
	}
	return c.lasting.prove(ctx, db)
}
