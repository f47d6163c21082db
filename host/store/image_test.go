package store_test

import (
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"ekrona.example/host/store"
)

// An image sets a database back, whole, also one that keeps its statements.
func TestImagesSetADatabaseBack(t *testing.T) {
	const insert = `INSERT INTO number (n) VALUES ($1)`
	for name, d := range map[string]driver.Driver{
		"plain": &sqlite.Driver{}, "with kept statements": store.DriverOf(store.Memory),
	} {
		t.Run(name, func(t *testing.T) {
			open := func() *sql.DB {
				db, err := store.OpenOn(t.Context(), d, store.Memory)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, db.Close()) })
				return db
			}
			holds := func(db *sql.DB, numbers ...int) {
				t.Helper()
				all, err := store.Column[int](t.Context(), db, `SELECT n FROM number ORDER BY n`)
				require.NoError(t, err)
				assert.Equal(t, numbers, all)
			}
			db, other := open(), open()
			require.NoError(t, store.Exec(t.Context(), db, `CREATE TABLE number (n BIGINT)`))
			require.NoError(t, store.Exec(t.Context(), db, insert, 1))
			one, err := store.Image(t.Context(), db)
			require.NoError(t, err)
			require.NoError(t, store.Exec(t.Context(), db, insert, 2))
			two, err := store.Image(t.Context(), db)
			require.NoError(t, err)
			require.NoError(t, store.SetImage(t.Context(), db, one))
			holds(db, 1)
			require.NoError(t, store.SetImage(t.Context(), other, two))
			holds(other, 1, 2)
			require.NoError(t, store.Exec(t.Context(), db, insert, 3))
			holds(db, 1, 3)
			holds(other, 1, 2)
		})
	}
}

// What is no image is refused when it is read, at the latest.
func TestWhatIsNoImage(t *testing.T) {
	db, err := store.Open(t.Context(), store.Memory)
	require.NoError(t, err)
	defer db.Close()
	if err := store.SetImage(t.Context(), db, []byte("no image")); err == nil {
		_, err = store.Column[int](t.Context(), db, `SELECT count(*) FROM sqlite_schema`)
		require.Error(t, err)
	}
	file, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	_, err = store.Image(t.Context(), file)
	require.ErrorContains(t, err, "image of a database")
}
