package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/store/storetest"
)

// lostCodes are of connections that are no longer there, were not made, or only read.
var lostCodes = []string{"08006", "57P01", "57P03", "57P05", "25P03", "53300", "53200",
	"53100", "25006", "40001"}

// Whatever is read or written finds another connection in place of one that was lost.
func TestLostConnectionsAreFoundAgain(t *testing.T) {
	d := faultdriver.New(nil)
	db, err := store.OpenOn(t.Context(), d, storetest.New(t, boxes), boxes)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	ctx := t.Context()
	require.NoError(t, insert(ctx, db, "a"))
	const query = `SELECT what FROM box`
	for name, do := range map[string]func() error{
		"one row": func() error {
			found, err := store.Get(ctx, db, store.Into{new(string)}, query)
			require.Equal(t, err == nil, found)
			return err
		},
		"one number": func() error {
			_, err := store.Number(ctx, db, `SELECT count(*) FROM box`)
			return err
		},
		"rows": func() error {
			all, err := store.Column[string](ctx, db, query)
			require.True(t, err != nil || len(all) == 1)
			return err
		},
		"each row": func() error {
			return store.Each(ctx, db, func(store.Row) error { return nil }, query)
		},
		"one moment": func() error {
			return store.Read(ctx, db, func(tx *sql.Tx) error {
				_, err := store.Column[string](ctx, tx, query)
				return err
			})
		},
		"a transaction": func() error {
			return store.InTx(ctx, db, func(tx *sql.Tx) error {
				_, err := store.Column[string](ctx, tx, query)
				return err
			})
		},
	} {
		for _, code := range lostCodes {
			failed := 0
			d.Follow(func(context.Context, faultdriver.Step) error {
				if failed++; failed <= 1 {
					return &pgconn.PgError{Code: code}
				}
				return nil
			})
			require.NoError(t, do(), "%s: %s", name, code)
			require.Greater(t, failed, 1, "%s: %s", name, code)
		}
		closed := 0
		d.Follow(func(context.Context, faultdriver.Step) error {
			if closed++; closed > 1 {
				return nil
			}
			return fmt.Errorf("begin: %w", pgconn.ErrConnClosed) // lost while it waited in the pool
		})
		require.NoError(t, do(), name)
		require.Greater(t, closed, 1, name)
		d.Follow(func(context.Context, faultdriver.Step) error {
			return &pgconn.PgError{Code: lostCodes[0]}
		})
		err := do()
		require.ErrorContains(t, err, "try again later", name)
		require.ErrorAs(t, err, new(*store.AwayError), name)
		d.Follow(func(context.Context, faultdriver.Step) error {
			return &pgconn.PgError{Code: "42501"}
		})
		err = do()
		require.NotContains(t, err.Error(), "try again later", name)
		require.NotErrorAs(t, err, new(*store.AwayError), name)
		d.Follow(nil)
	}
	commits := 0
	d.Follow(func(_ context.Context, s faultdriver.Step) error {
		if s.Kind != faultdriver.Commit {
			return nil
		}
		commits++
		return &pgconn.PgError{Code: "57P01"}
	})
	require.ErrorAs(t, store.InTx(ctx, db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO box (what) VALUES ('b')`)
		return err
	}), new(*store.AwayError))
	require.Equal(t, 1, commits, "what may have happened is the caller's to repeat")
	d.Follow(nil)
}

// Rows that were given once are not given again.
func TestRowsAreGivenOnce(t *testing.T) {
	ctx, db := t.Context(), open(t, boxes)
	require.NoError(t, insert(ctx, db, "a"))
	given := 0
	lost := &pgconn.PgError{Code: "57P01"}
	require.ErrorIs(t, store.Each(ctx, db, func(store.Row) error { given++; return lost },
		`SELECT what FROM box`), lost)
	require.Equal(t, 1, given)
}

// However many callers there are, a process opens so many connections, and the others wait: a
// server that has no room for more would refuse them.
func TestACrowdWaitsForConnections(t *testing.T) {
	const callers = 80
	ctx, db := t.Context(), open(t, boxes)
	if storetest.Dialect() == store.PostgreSQL {
		source, _, admin := onServer(t)
		_, err := admin.ExecContext(ctx, `DO $$ BEGIN EXECUTE
			format('ALTER DATABASE %I CONNECTION LIMIT 50', current_database()); END $$`)
		require.NoError(t, err)
		service := storetest.AsService(t, source)
		require.NoError(t, store.Migrate(ctx, source, service, boxes))
		db, err = store.OpenMade(ctx, service, boxes)
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
	}
	at := db.Stats().MaxOpenConnections
	require.Positive(t, at)
	entered, release := make(chan struct{}, callers), make(chan struct{})
	ended := make(chan error, callers)
	for range callers {
		go func() {
			ended <- store.Read(ctx, db, func(*sql.Tx) error {
				entered <- struct{}{}
				<-release
				return nil
			})
		}()
	}
	for range at {
		select {
		case <-entered:
		case err := <-ended:
			require.FailNow(t, "it did not wait", "%v", err)
		}
	}
	assert.Equal(t, at, db.Stats().OpenConnections)
	close(release)
	for range callers {
		require.NoError(t, <-ended)
	}
}

// However many wait to write, there are connections for those who read.
func TestWritersLeaveConnectionsToReaders(t *testing.T) {
	const writers = 80
	ctx, source := t.Context(), storetest.NewFile(t)
	db, err := store.Open(ctx, source, boxes)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	entered, release := make(chan struct{}), make(chan struct{})
	ended := make(chan error, writers)
	write := func() {
		ended <- store.InTx(ctx, db, func(tx *sql.Tx) error {
			entered <- struct{}{}
			<-release
			return insert(ctx, tx, "a")
		})
	}
	go write()
	<-entered
	var begun sync.WaitGroup
	begun.Add(writers - 1)
	for range writers - 1 {
		go func() { begun.Done(); write() }()
	}
	begun.Wait()
	for range 2 * writers {
		require.Zero(t, count(t, db))
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	require.ErrorIs(t, store.InTx(stopped, db, func(*sql.Tx) error { return nil }),
		context.Canceled)
	close(release)
	for range writers - 1 {
		<-entered
	}
	for range writers {
		require.NoError(t, <-ended)
	}
	require.EqualValues(t, writers, count(t, db))
}

// A process asks the server for the lock of its writer once at a time: one that stands still has
// no others that get it after the first, each for as long as the server leaves it to a silent one.
func TestOneAsksForTheLock(t *testing.T) {
	const writers = 4
	ctx := t.Context()
	_, db, admin := onServer(t)
	entered, release := make(chan struct{}, writers), make(chan struct{})
	ended := make(chan error, writers)
	for range writers {
		go func() {
			ended <- store.InTx(ctx, db, func(tx *sql.Tx) error {
				entered <- struct{}{}
				<-release
				return insert(ctx, tx, "a")
			})
		}()
	}
	<-entered
	for begun := int64(0); begun < writers; {
		var err error
		begun, err = store.Number(ctx, admin, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND xact_start IS NOT NULL`)
		require.NoError(t, err)
	}
	locks, err := store.Number(ctx, admin, `SELECT count(*) FROM pg_locks
		WHERE relation = 'store_writer'::regclass`)
	require.NoError(t, err)
	require.EqualValues(t, 1, locks)
	close(release)
	for range writers {
		require.NoError(t, <-ended)
	}
	require.EqualValues(t, writers, count(t, db))
}

// A session that only reads is left as soon as the server says so: when it writes again, so do we.
func TestASessionThatOnlyReadsIsLeft(t *testing.T) {
	_, db, admin := onServer(t)
	ctx := t.Context()
	set := func(to string) {
		_, err := admin.ExecContext(ctx, `DO $$ BEGIN EXECUTE format(
			'ALTER DATABASE %I `+to+`', current_database()); END $$`)
		require.NoError(t, err)
		ended, err := store.Column[bool](ctx, admin, `SELECT pg_terminate_backend(pid, 10000)
			FROM pg_stat_activity WHERE datname = current_database()
			AND pid <> pg_backend_pid() AND $1`, to[0] == 'S')
		require.NoError(t, err)
		require.NotContains(t, ended, false)
	}
	set("SET default_transaction_read_only = on")
	write := func() error {
		return store.InTx(ctx, db, func(tx *sql.Tx) error { return insert(ctx, tx, "a") })
	}
	err := write()
	require.ErrorContains(t, err, "read-only")
	require.ErrorContains(t, err, "try again later")
	require.Zero(t, count(t, db))
	set("RESET default_transaction_read_only")
	require.NoError(t, write())
	require.EqualValues(t, 1, count(t, db))
}
