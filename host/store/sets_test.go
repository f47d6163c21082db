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

// Many rows are inserted as a few are: every type, null, what is not text, and in their order.
func TestManyRows(t *testing.T) {
	ctx, db := t.Context(), open(t, boxes)
	d := store.DialectOf(db)
	for _, n := range []int{3, 500} {
		set := store.Set{Columns: []store.Field{{"what", store.Text}, {"raw", store.Bytes},
			{"full_up", store.Boolean}}}
		for i := range n {
			raw := []any{nil, []byte(nil), []byte{}, []byte{0xff, 0, '\\', '\n', byte(i)}}[i%4]
			set.Add([]string{"", "å\t\\N\n", "b"}[i%3], raw, i%2 == 1)
		}
		var last int64
		require.NoError(t, store.InTx(ctx, db, func(tx *sql.Tx) (err error) {
			last, err = store.Number(ctx, tx, "SELECT max(id) FROM box")
			require.NoError(t, err)
			return set.Insert(ctx, tx, d, "box")
		}))
		i := 0
		require.NoError(t, store.Each(ctx, db, func(row store.Row) error {
			var what string
			var raw []byte
			var full, null bool
			require.NoError(t, row.Scan(&what, &raw, &full, &null))
			want, _ := set.Rows[i][1].([]byte)
			require.Equal(t, set.Rows[i], []any{what, set.Rows[i][1], full})
			require.Equal(t, want == nil, null)
			require.Equal(t, string(want), string(raw))
			i++
			return nil
		}, "SELECT what, raw, full_up, raw IS NULL FROM box WHERE id > $1 ORDER BY id", last))
		require.Equal(t, n, i)
	}
}

// Of many rows of which one cannot be inserted none is, and a value of another type is an error.
func TestManyRowsOfWhichOneIsWrong(t *testing.T) {
	ctx, db := t.Context(), open(t, boxes)
	for _, wrong := range []any{nil, int64(7), []byte("seven"), true} {
		set := store.Set{Columns: []store.Field{{"what", store.Text}}}
		for range 40 {
			set.Add("seven")
		}
		set.Add(wrong)
		if store.DialectOf(db) == store.SQLite && wrong != nil {
			continue // it takes any type
		}
		require.Error(t, store.InTx(ctx, db, func(tx *sql.Tx) error {
			return set.Insert(ctx, tx, store.DialectOf(db), "box")
		}))
		require.Zero(t, count(t, db))
	}
}
