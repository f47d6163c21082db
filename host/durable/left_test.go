package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a killed writer has left goes with the next writing of that file; what another has locked,
// is of another file, or is no temporary file stays.
func TestWhatKilledWritersLeft(t *testing.T) {
	for name, write := range map[string]func(string, []byte, os.FileMode) error{
		"Replace": Replace, "Create": Create, "Ensure": Ensure} {
		folder := t.TempDir()
		put := func(name string) string {
			path := filepath.Join(folder, name)
			require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
			return path
		}
		gone := []string{put(".a.card.123"), put(".a.card.9")}
		stays := []string{put(".b.card.123"), put(".a.card.x"), put("a.card.123"), put(".a.card")}
		locked := put(".a.card.77")
		held, err := os.Open(locked)
		require.NoError(t, err)
		require.NoError(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX))
		stays = append(stays, locked)

		path := filepath.Join(folder, "a.card")
		require.NoError(t, write(path, []byte("whole"), OwnerOnly), name)
		for _, g := range gone {
			assert.NoFileExists(t, g, name)
		}
		for _, s := range stays {
			assert.FileExists(t, s, name)
		}
		require.NoError(t, held.Close())
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "whole", string(content))
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		assert.Len(t, entries, len(stays)+1, name)
	}
}

// A temporary file is locked from the moment on in which it has content, and nobody removes it.
func TestATemporaryFileIsLocked(t *testing.T) {
	file, err := createLocked(t.TempDir(), ".a.card.*")
	require.NoError(t, err)
	removeLeft(file.Name())
	assert.FileExists(t, file.Name())
	require.NoError(t, file.Close())
	removeLeft(file.Name())
	assert.NoFileExists(t, file.Name())
}
