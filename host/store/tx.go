package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"ekrona.example/host/clock"
)

const (
	attempts     = 8 // at one transaction
	longestPause = 100 * time.Millisecond
)

// InTx runs do in one write transaction: committed, and so durable, when it returns nil, undone
// when it returns an error. Everything inside must use the transaction: the database may have no
// second connection.
//
// A transaction of which a statement failed is undone, also when do passes over the failure: later
// statements fail, and so does the commit.
//
// A transaction that the database undid because of another one, or whose connection was lost before
// its commit, is repeated, up to a limit: do may run more than once. It must set its results
// outside of the transaction anew each time, and do nothing there that cannot be repeated. Any
// other error of the commit means that it may or may not have happened; the caller's own
// idempotency finds out when the call is repeated.
//
// On a handle that holds a [Lease], a process that has lost it gets a [*HeldError], and do is not
// run.
//
// When ctx ends, a waiting or running transaction is broken off and undone; a commit that has
// started is not.
func InTx(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	d := DialectOf(db)
	leave, err := mayWrite(ctx, db, func(c *connector) places { return c.writers })
	if err != nil {
		return err
	}
	defer leave()
	return again(ctx, func() (committing bool, err error) { return once(ctx, db, d, do) })
}

// again makes attempts at a transaction, up to a limit. After committing, a lost connection leaves
// open what has happened, and there is no other attempt.
func again(ctx context.Context, once func() (committing bool, err error)) error {
	for attempt := 1; ; attempt++ {
		committing, err := once()
		if err == nil || ctx.Err() != nil || !isTransient(err) && (committing || !isLost(err)) {
			return err
		}
		if attempt == attempts {
			hint := "others write all the while: try again later"
			if isLost(err) {
				hint = lostAdvice(err)
			}
			return fmt.Errorf("%w (%d times; %s)", err, attempts, hint)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// AwayError says that the server of a database cannot be reached, that its disk is full or fails,
// or that a commit was not answered: what was asked for may or may not have happened, and is to be
// repeated later.
type AwayError struct{ error }

// Away says so to whoever answers a call, see remote.Away.
func (*AwayError) Away() bool { return true }

// Unwrap returns the database's own error.
func (a *AwayError) Unwrap() error { return a.error }

// once makes one attempt. committing reports whether it came as far as to ask for the commit.
func once(
	ctx context.Context, db *sql.DB, d Dialect, do func(tx *sql.Tx) error,
) (committing bool, err error) {
	tx, release, err := begin(ctx, db, d.writing())
	if err != nil {
		return false, err
	}
	defer release()
	if d == PostgreSQL {
		leave, err := mayWrite(ctx, db, func(c *connector) places { return c.turn })
		if err != nil {
			return false, err
		}
		defer leave()
		const severalStatements = pgx.QueryExecModeSimpleProtocol
		if _, err := tx.ExecContext(ctx, postgresWrite, severalStatements); err != nil {
			return false, Failed(fmt.Errorf("begin: %w", err))
		}
	}
	if h := holdingOf(db); h != nil {
		if err := h.check(ctx, tx); err != nil {
			return false, err
		}
	}
	if err := do(tx); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, Failed(fmt.Errorf("undone before its commit: %w", err))
	}
	if err := tx.Commit(); err != nil {
		if c := connectorOf(db); c != nil {
			c.lasting.doubt()
		}
		return true, Failed(fmt.Errorf("commit: %w", err))
	}
	return true, nil
}

// Read runs do in a transaction that sees the database as it is at one moment, and changes nothing.
// It returns when what was read lasts, as a commit does. When the connection is lost it is
// repeated, as by [InTx]: do may run more than once.
func Read(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	err := again(ctx, func() (committing bool, err error) {
		tx, release, err := begin(ctx, db, DialectOf(db).reading())
		if err != nil {
			return false, err
		}
		defer release()
		return false, do(tx)
	})
	if err != nil {
		return err
	}
	return lasts(ctx, db)
}

// begin starts a transaction under a context that ends with ctx only until the start: a driver
// whose context ends later would break off the commit. release undoes what was not committed.
func begin(
	ctx context.Context, db *sql.DB, options *sql.TxOptions,
) (tx *sql.Tx, release func(), err error) {
	own, end := context.WithCancel(context.WithoutCancel(ctx))
	detach := context.AfterFunc(ctx, end)
	tx, err = db.BeginTx(own, options)
	if !detach() && err == nil { // own has ended, and the transaction with it
		tx.Rollback()
		err = ctx.Err()
	}
	if err != nil {
		end()
		return nil, nil, Failed(fmt.Errorf("begin: %w", err))
	}
	return tx, func() {
		tx.Rollback() // after a commit it does nothing
		end()
	}, nil
}

// pause waits a random while before another attempt, so that transactions that collided do not
// collide again.
func pause(ctx context.Context, attempt int) error {
	if clock.Pause(ctx, rand.N(min(longestPause, time.Millisecond<<attempt))) != nil {
		return Failed(ctx.Err())
	}
	return nil
}
