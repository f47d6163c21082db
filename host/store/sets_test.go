package store_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
)

// A set is inserted in its order, changed and found row by row; null stays null.
func TestSets(t *testing.T) {
	ctx, db := t.Context(), open(t, boxes)
	d := store.DialectOf(db)
	require.NoError(t, store.InTx(ctx, db, func(tx *sql.Tx) error {
		set := store.Set{Columns: []store.Field{{"id", store.BigInt}, {"what", store.Text},
			{"raw", store.Bytes}, {"full_up", store.Boolean}}}
		require.NoError(t, set.Insert(ctx, tx, d, "box"), "nothing is a set")
		set.Add(int64(3), "c", []byte(nil), false)
		set.Add(int64(1), "a", []byte{1}, false)
		set.Add(int64(2), "b", nil, true)
		require.NoError(t, set.Insert(ctx, tx, d, "box"))
		change := store.Set{Columns: []store.Field{{"id", store.BigInt}, {"what", store.Text},
			{"raw", store.Bytes}}}
		change.Add(int64(1), "x", nil)
		change.Add(int64(3), "z", []byte{3})
		return change.Update(ctx, tx, d, "box", 1)
	}))
	keys := store.Set{Columns: []store.Field{{"id", store.BigInt}, {"most", store.BigInt}}}
	keys.Add(int64(3), int64(0))
	keys.Add(int64(9), int64(9))
	keys.Add(int64(1), int64(0))
	found := map[int64]string{}
	require.NoError(t, keys.Find(ctx, db, d, func(row store.Row) error {
		var id int64
		var what string
		var raw []byte
		err := row.Scan(&id, &what, &raw)
		found[id] = what + string(raw)
		return err
	}, `SELECT id, what, raw FROM box WHERE id = $1 AND length(what) > $2`))
	require.Equal(t, map[int64]string{1: "x", 3: "z\x03"}, found)
	wrong := store.Set{Columns: []store.Field{{"id", store.BigInt}, {"what", store.Text}}}
	wrong.Add("seven", "seven")
	require.Error(t, store.InTx(ctx, db, func(tx *sql.Tx) error {
		return wrong.Insert(ctx, tx, d, "box")
	}))
}
