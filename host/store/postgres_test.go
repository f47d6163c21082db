package store_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// onServer opens a database and another connection to it, on a server.
func onServer(t *testing.T) (db, admin *sql.DB) {
	if storetest.Dialect() != store.PostgreSQL {
		t.Skip("SQLite has no server")
	}
	source := storetest.New(t, boxes)
	open := func() *sql.DB {
		db, err := store.Open(t.Context(), source, boxes)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db
	}
	return open(), open()
}

// A transaction whose connection is lost before its commit is repeated.
func TestALostConnection(t *testing.T) {
	db, admin := onServer(t)
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

// A commit that a server answers with a warning, because nobody waits for its standby any longer,
// is no answer; nor is that of a repeated call, which only finds the row, before the standby has
// it.
func TestACommitWithAWarning(t *testing.T) {
	db, admin := onServer(t)
	ctx := t.Context()
	standby := func(name string) {
		_, err := admin.ExecContext(ctx, `ALTER SYSTEM SET synchronous_standby_names = '`+name+`'`)
		require.NoError(t, err)
		_, err = admin.ExecContext(ctx, `SELECT pg_reload_conf()`)
		require.NoError(t, err)
		for _, each := range []*sql.DB{admin, db} {
			for shown := ""; shown != name+"."; {
				require.NoError(t, store.Must(ctx, each, store.Into{&shown},
					`SELECT current_setting('synchronous_standby_names') || '.'`))
			}
		}
	}
	breakOff := func() {
		for broken := int64(0); broken == 0; {
			var err error
			broken, err = store.Number(ctx, admin, `SELECT count(pg_cancel_backend(pid))
				FROM pg_stat_activity WHERE wait_event = 'SyncRep'
				AND datname = current_database()`)
			require.NoError(t, err)
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
	breakOff()
	require.ErrorContains(t, <-waits, "may or may not last")
	for _, attempt := range []string{"that writes", "that only finds"} {
		answer := make(chan error)
		go func() { answer <- orderOnce() }()
		breakOff()
		require.ErrorContains(t, <-answer, "may or may not last", attempt)
	}
	standby("")
	require.NoError(t, orderOnce())
	assert.EqualValues(t, 1, count(t, db))
}
