package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func schema(name, statement string) Schema {
	return Schema{Name: name, Files: fstest.MapFS{"00001_first.sql": {Data: []byte("-- +goose Up\n" + statement + ";\n")}}}
}

var boxes = schema("boxes", "CREATE TABLE box (id INTEGER PRIMARY KEY, what TEXT NOT NULL)")
var lids = schema("lids", "CREATE TABLE lid (box INTEGER NOT NULL REFERENCES box(id))")

func TestCommittedSurvivesReopening(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "a #1?.db")
	for round := 1; round <= 3; round++ {
		db, err := Open(ctx, path, boxes, lids)
		require.NoError(t, err)
		require.NoError(t, InTx(ctx, db, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO box (id, what) VALUES ($1, $2)", round, "b")
			return err
		}))
		failed := errors.New("failed")
		require.ErrorIs(t, InTx(ctx, db, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM box")
			require.NoError(t, err)
			return failed
		}), failed)
		var n int
		require.NoError(t, db.QueryRow("SELECT count(*) FROM box").Scan(&n))
		require.Equal(t, round, n)
		require.NoError(t, db.Close())
	}
	require.FileExists(t, path)
}

func TestPragmasHold(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "p.db"), Memory} {
		db, err := Open(context.Background(), path, boxes, lids)
		require.NoError(t, err)
		_, err = db.Exec("INSERT INTO lid VALUES (99)")
		require.ErrorContains(t, err, "FOREIGN KEY")
		var synchronous int
		require.NoError(t, db.QueryRow("PRAGMA synchronous").Scan(&synchronous))
		require.Equal(t, 2, synchronous, "2 is FULL")
		require.NoError(t, db.Close())
	}
}

func TestWrongFileIsNamed(t *testing.T) {
	_, err := Open(context.Background(), filepath.Join(t.TempDir(), "no", "such", "folder.db"), boxes)
	require.ErrorContains(t, err, "folder.db")
	_, err = Open(context.Background(), Memory, schema("broken", "CREATE TABBLE x"))
	require.ErrorContains(t, err, "tables of broken")
}
