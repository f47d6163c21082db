package store_test

import (
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
)

// limitFiles has the system refuse to let any file grow beyond a size, until the returned function
// is called or the test ends.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE,
		&syscall.Rlimit{Cur: size, Max: before.Max}))
	lift = func() {
		assert.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
		signal.Reset(syscall.SIGXFSZ)
	}
	t.Cleanup(lift) // twice does no harm
	return lift
}

// Whichever file of an SQLite database could not grow, the error says that there is no room, once
// and in one line; what was there is there when there is room again.
func TestADiskWithoutRoomIsNamed(t *testing.T) {
	ctx, source := t.Context(), filepath.Join(t.TempDir(), "a.db")
	db, err := store.Open(ctx, source, boxes)
	require.NoError(t, err)
	require.NoError(t, insert(ctx, db, "kept"))
	require.NoError(t, db.Close())

	lift := limitFiles(t, 4096) // less than the index beside the database begins with
	_, err = store.OpenMade(ctx, source, boxes)
	require.ErrorIs(t, err, store.ErrNoRoom)
	assert.Regexp(t, `^[^\n]*disk I/O error \(4874\) \(the disk is full: make room on it, `+
		`then repeat the command\)$`, err.Error())
	lift()

	db, err = store.OpenMade(ctx, source, boxes)
	require.NoError(t, err)
	assert.Equal(t, int64(1), count(t, db))
	require.NoError(t, store.Exec(ctx, db, `PRAGMA max_page_count = 1`)) // of the present size
	for err == nil {
		err = insert(ctx, db, string(make([]byte, 4096)))
	}
	require.ErrorIs(t, err, store.ErrNoRoom)
	require.ErrorAs(t, err, new(*store.AwayError), "it is to be repeated when there is room")
	assert.Contains(t, err.Error(), "(13)")
	require.NoError(t, db.Close())

	_, err = store.OpenMade(ctx, source, boxes, schema("other", `PRAGMA max_page_count = 1;
CREATE TABLE other (what TEXT NOT NULL);`))
	require.ErrorIs(t, err, store.ErrNoRoom)
	assert.NotContains(t, err.Error(), "is the database ours")
}

// TestSpaceIsTried: a disk that is full is found before anybody writes, and found to have room
// again; nothing stays of the attempt.
func TestSpaceIsTried(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	db, err := store.Open(ctx, filepath.Join(folder, "a.db"), boxes)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, store.Space(ctx, db))
	lift := limitFiles(t, 1<<19)
	err = store.Space(ctx, db)
	require.ErrorIs(t, err, store.ErrNoRoom)
	require.ErrorAs(t, err, new(*store.AwayError))
	require.NoError(t, insert(ctx, db, "a small one"))
	lift()
	require.NoError(t, store.Space(ctx, db))
	left, err := filepath.Glob(filepath.Join(folder, "*-space"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestACopyWithoutRoomLeavesNothing: neither of a backup, nor beside the database that was to be
// restored, which is as it was.
func TestACopyWithoutRoomLeavesNothing(t *testing.T) {
	ctx, folder, other := t.Context(), t.TempDir(), t.TempDir()
	source, whole := filepath.Join(folder, "a.db"), filepath.Join(other, "whole.db")
	db, err := store.Open(ctx, source, boxes)
	require.NoError(t, err)
	require.NoError(t, insert(ctx, db, string(make([]byte, 1<<16))))
	require.NoError(t, store.BackUp(ctx, source, whole))
	require.NoError(t, db.Close())
	filesOf := func() (all []string) {
		for _, folder := range []string{folder, other} {
			found, err := filepath.Glob(filepath.Join(folder, "*"))
			require.NoError(t, err)
			all = append(all, found...)
		}
		return all
	}
	before := filesOf()
	lift := limitFiles(t, 1<<15)
	require.Error(t, store.BackUp(ctx, source, filepath.Join(other, "b.db")))
	require.ErrorIs(t, store.Restore(ctx, whole, source, nil, boxes), store.ErrNoRoom)
	require.Equal(t, before, filesOf())
	lift()
	db, err = store.OpenMade(ctx, source, boxes)
	require.NoError(t, err)
	require.Equal(t, int64(1), count(t, db))
	require.NoError(t, db.Close())
}
