package store_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// A database of another party is refused before anything is changed in it, also by who has some of
// the same tables.
func TestADatabaseOfOthersIsRefused(t *testing.T) {
	ctx, source := t.Context(), storetest.NewFile(t)
	db, err := store.Open(ctx, source, boxes, lids)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	other := schema("other", "CREATE TABLE other (what TEXT NOT NULL\n);")
	for _, open := range []func(ctx context.Context, source string, schemas ...store.Schema) (
		*sql.DB, error){store.Open, store.OpenMade} {
		_, err = open(ctx, source, boxes, other)
		require.ErrorIs(t, err, store.ErrForeign)
		require.ErrorContains(t, err, "it has lids")
	}
	db, err = store.OpenMade(ctx, source, boxes, lids)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.Error(t, store.Exec(ctx, db, `INSERT INTO other (what) VALUES ('a')`))
}
