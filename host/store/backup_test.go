package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
)

// TestABackupIsRestored: a copy that was made while others wrote is whole, and comes back in place
// of what is set aside.
func TestABackupIsRestored(t *testing.T) {
	ctx := t.Context()
	source, copied := filepath.Join(t.TempDir(), "x.db"), filepath.Join(t.TempDir(), "copy.db")
	db, err := store.Open(ctx, source, boxes)
	require.NoError(t, err)
	require.NoError(t, insert(ctx, db, "a"))
	require.NoError(t, store.BackUp(ctx, source, copied))
	require.ErrorIs(t, store.BackUp(ctx, source, copied), fs.ErrExist)
	require.NoError(t, insert(ctx, db, "b"))
	require.NoError(t, db.Close())

	require.NoError(t, store.Restore(ctx, copied, source, nil, boxes))
	require.FileExists(t, source+".former")
	holds := func(path string, want int64) {
		t.Helper()
		db, err := store.OpenMade(ctx, path, boxes)
		require.NoError(t, err)
		require.Equal(t, want, count(t, db))
		require.NoError(t, db.Close())
	}
	holds(source, 1)
	holds(source+".former", 2)
	require.ErrorIs(t, store.Restore(ctx, copied, source, nil, boxes), fs.ErrExist)
	holds(source, 1)

	require.NoError(t, os.Remove(source+".former"))
	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(source, link))
	require.NoError(t, store.Restore(ctx, copied, link, nil, boxes))
	at, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, source, at)
	require.FileExists(t, source+".former")
	holds(link, 1)

	for _, content := range []string{"", "no database"} {
		bad := filepath.Join(t.TempDir(), "bad.db")
		require.NoError(t, os.WriteFile(bad, []byte(content), 0o600))
		require.ErrorContains(t, store.Restore(ctx, bad, source, nil, boxes), "is no copy")
		holds(source, 1)
	}
	require.Error(t, store.BackUp(ctx, filepath.Join(t.TempDir(), "none.db"), copied+"2"))
	require.ErrorContains(t, store.BackUp(ctx, "postgres://x", copied+"2"), "pg_basebackup")
	require.ErrorContains(t, store.Restore(ctx, copied, "postgres://x", nil, boxes),
		"pg_basebackup")
}
