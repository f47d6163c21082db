package store_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/store/storetest"
)

// A transaction whose statement failed is undone on both databases, also when its closure passes
// over the failure: at once, or after others.
func TestAPassedOverFailureIsAFailure(t *testing.T) {
	ctx, db := t.Context(), open(t, boxes, lids)
	for name, failing := range map[string]func(tx *sql.Tx) error{
		"a constraint": func(tx *sql.Tx) error {
			return store.Exec(ctx, tx, `INSERT INTO box (id, what) VALUES (1, 'a'), (1, 'b')`)
		},
		"a trigger": func(tx *sql.Tx) error { return store.Exec(ctx, tx, `DELETE FROM box`) },
		"a query": func(tx *sql.Tx) error {
			_, err := store.Number(ctx, tx, `SELECT nothing FROM box`)
			return err
		},
		"a statement past the helpers": func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO nowhere VALUES (1)`)
			return err
		},
	} {
		var cause error
		err := store.InTx(ctx, db, func(tx *sql.Tx) error {
			require.NoError(t, insert(ctx, tx, "before"))
			cause = failing(tx)
			require.Error(t, cause, name)
			return nil
		})
		require.ErrorContains(t, err, "an earlier statement of the transaction failed", name)
		require.ErrorContains(t, err, strings.TrimPrefix(cause.Error(), "database: "), name)
		require.NotContains(t, err.Error(), "\n", name)
		require.Zero(t, count(t, db), name)

		require.Error(t, store.InTx(ctx, db, func(tx *sql.Tx) error {
			require.NoError(t, insert(ctx, tx, "before"))
			require.Error(t, failing(tx))
			require.ErrorContains(t, insert(ctx, tx, "after"), "an earlier statement", name)
			_, err := store.Number(ctx, tx, `SELECT count(*) FROM box`)
			require.ErrorContains(t, err, "an earlier statement", name)
			return nil
		}), name)
		require.Zero(t, count(t, db), name)
		require.Error(t, store.Read(ctx, db, func(tx *sql.Tx) error {
			_, err := store.Number(ctx, tx, `SELECT nothing FROM box`)
			require.Error(t, err)
			_, err = store.Number(ctx, tx, `SELECT count(*) FROM box`)
			return err
		}), name)
	}
	require.NoError(t, store.InTx(ctx, db, func(tx *sql.Tx) error { return insert(ctx, tx, "a") }))
	require.Error(t, store.Exec(ctx, db, `INSERT INTO nowhere VALUES (1)`))
	require.NoError(t, insert(ctx, db, "b"), "outside a transaction each statement is its own")
	require.EqualValues(t, 2, count(t, db))
}

// A passed over failure that another transaction caused is repeated like one that is returned.
func TestAPassedOverConflictIsDoneAgain(t *testing.T) {
	d := faultdriver.New(nil)
	db, err := store.OpenOn(t.Context(), d, storetest.New(t, boxes), boxes)
	require.NoError(t, err)
	ctx, once, runs := t.Context(), false, 0
	d.Follow(func(_ context.Context, s faultdriver.Step) error {
		if s.Kind == faultdriver.Statement && s.Writes() && !once {
			once = true
			return &pgconn.PgError{Code: "40001"}
		}
		return nil
	})
	require.NoError(t, store.InTx(ctx, db, func(tx *sql.Tx) error {
		runs++
		_ = insert(ctx, tx, "a") // its failure is passed over
		return nil
	}))
	require.Equal(t, 2, runs)
	require.EqualValues(t, 1, count(t, db))
	require.NoError(t, db.Close())
}
