package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// onServer opens a database and another connection to it, on a server.
func onServer(t *testing.T) (source string, db, admin *sql.DB) {
	if storetest.Dialect() != store.PostgreSQL {
		t.Skip("SQLite has no server")
	}
	source = storetest.New(t, boxes)
	open := func() *sql.DB {
		db, err := store.Open(t.Context(), source, boxes)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db
	}
	return source, open(), open()
}

// A database to which the server makes no connection, for whatever reason, is away, and the error
// says what to see to; it is used again when the server lets us in.
func TestADatabaseThatIsClosed(t *testing.T) {
	ctx := t.Context()
	source, db, _ := onServer(t)
	u, err := url.Parse(source)
	require.NoError(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres" // nobody closes the database that he uses
	admin, err := store.Open(ctx, u.String())
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	allow := func(is string) {
		_, err := admin.ExecContext(ctx, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS "+is)
		require.NoError(t, err)
	}
	allow("false")
	_, err = admin.ExecContext(ctx, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
		WHERE datname = $1`, name)
	require.NoError(t, err)
	_, reading := store.Number(ctx, db, `SELECT count(*) FROM box`)
	for _, err := range []error{reading, insert(ctx, db, "never")} {
		require.ErrorAs(t, err, new(*store.AwayError))
		require.ErrorContains(t, err, "takes no connection of ours")
	}
	allow("true")
	require.NoError(t, insert(ctx, db, "a"))
	assert.EqualValues(t, 1, count(t, db))
}

// A transaction whose connection is lost before its commit is repeated.
func TestALostConnection(t *testing.T) {
	_, db, admin := onServer(t)
	attempts := 0
	require.NoError(t, store.InTx(t.Context(), db, func(tx *sql.Tx) error {
		attempts++
		pid, err := store.Number(t.Context(), tx, `SELECT pg_backend_pid()`)
		if err != nil || attempts > 1 {
			return store.Exec(t.Context(), tx, `INSERT INTO box (what) VALUES ('a')`)
		}
		ended, err := store.Column[bool](t.Context(), admin,
			`SELECT pg_terminate_backend($1, 10000)`, pid)
		require.NoError(t, err)
		require.Equal(t, []bool{true}, ended)
		return store.Exec(t.Context(), tx, `INSERT INTO box (what) VALUES ('a')`)
	}))
	assert.Equal(t, 2, attempts)
	assert.EqualValues(t, 1, count(t, db))
}

// A commit whose wait for the standby is broken off is no answer, whether the server answers it
// with a warning or ends its session; nor is that of a repeated call, which only finds the row,
// before the standby has it.
func TestACommitThatDoesNotWait(t *testing.T) {
	for _, by := range []string{"pg_cancel_backend", "pg_terminate_backend"} {
		t.Run(by, func(t *testing.T) { breakOffCommits(t, by) })
	}
}

// breakOffCommits breaks off the waits of commits by a function of the server.
func breakOffCommits(t *testing.T, by string) {
	source, db, admin := onServer(t)
	ctx := t.Context()
	standby := func(name string) {
		_, err := admin.ExecContext(ctx, `ALTER SYSTEM SET synchronous_standby_names = '`+name+`'`)
		require.NoError(t, err)
		_, err = admin.ExecContext(ctx, `SELECT pg_reload_conf()`)
		require.NoError(t, err)
		for _, each := range []*sql.DB{admin, db} {
			for shown := ""; shown != name+"."; {
				require.NoError(t, each.QueryRowContext(ctx,
					`SELECT current_setting('synchronous_standby_names') || '.'`).Scan(&shown))
			}
		}
	}
	breakOff := func(answer <-chan error) {
		for broken := int64(0); broken == 0; {
			select {
			case err := <-answer:
				require.FailNow(t, "it was answered before the standby has it", "%v", err)
			default:
			}
			require.NoError(t, admin.QueryRowContext(ctx, `SELECT count(`+by+`(pid))
				FROM pg_stat_activity WHERE wait_event = 'SyncRep'
				AND datname = current_database()`).Scan(&broken))
		}
	}
	orderOnce := func() error {
		return store.InTx(context.WithoutCancel(ctx), db, func(tx *sql.Tx) error {
			n, err := store.Number(ctx, tx, `SELECT count(*) FROM box`)
			if err != nil || n > 0 {
				return err
			}
			return store.Exec(ctx, tx, `INSERT INTO box (what) VALUES ('a')`)
		})
	}
	other, err := store.Open(ctx, source, boxes) // as after a start: nothing was read yet
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	standby("nobody")
	defer standby("")
	// Its own processes learn of it later: from the first commit on that waits, all do.
	waits := make(chan error)
	go func() {
		for {
			nothing := func(*sql.Tx) error { return nil }
			if err := store.InTx(context.WithoutCancel(ctx), db, nothing); err != nil {
				waits <- err
				return
			}
		}
	}()
	breakOff(nil)
	err = <-waits
	require.ErrorContains(t, err, "may or may not last")
	require.ErrorAs(t, err, new(*store.AwayError))
	read := func(db *sql.DB) func() error {
		return func() error {
			_, err := store.Number(context.WithoutCancel(ctx), db, `SELECT count(*) FROM box`)
			return err
		}
	}
	view := func(db *sql.DB) func() error {
		return func() error {
			return store.Read(context.WithoutCancel(ctx), db, func(*sql.Tx) error { return nil })
		}
	}
	for _, attempt := range []struct {
		what string
		do   func() error
	}{{"that writes", orderOnce}, {"that only finds", orderOnce}, {"that reads", read(db)},
		{"that reads one moment", view(db)}, {"of another process that reads", read(other)},
		{"of another process that reads one moment", view(other)}} {
		answer := make(chan error)
		go func() { answer <- attempt.do() }()
		breakOff(answer)
		err := <-answer
		require.ErrorContains(t, err, "may or may not last", attempt.what)
		require.ErrorAs(t, err, new(*store.AwayError), attempt.what)
	}
	standby("")
	require.NoError(t, orderOnce())
	assert.EqualValues(t, 1, count(t, db))
	assert.EqualValues(t, 1, count(t, other))
}
