package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCreateNeverReplacesAndReplaceDoes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(folder, "file")
	require.NoError(t, Create(path, []byte("first"), OwnerOnly))
	require.ErrorIs(t, Create(path, []byte("second"), OwnerOnly), fs.ErrExist)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "first", string(content))
	require.NoError(t, Ensure(path, []byte("first"), OwnerOnly))
	require.ErrorIs(t, Ensure(path, []byte("second"), OwnerOnly), fs.ErrExist)
	require.NoError(t, Replace(path, []byte("third"), Everyone))
	content, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "third", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, Everyone, info.Mode().Perm())
	info, err = os.Stat(folder)
	require.NoError(t, err)
	assert.Equal(t, ownerFolder, info.Mode().Perm())
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file stays")
	require.Error(t, Create(filepath.Join(path, "below"), nil, OwnerOnly), "a file is no folder")
}

func TestOneOfManyCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x", "file")
	const writers = 8
	won := make(chan int, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			if Create(path, []byte{byte(i)}, OwnerOnly) == nil {
				won <- i
			}
		})
	}
	all.Wait()
	require.Len(t, won, 1)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, []byte{byte(<-won)}, content)
}

func TestSweepFileTakesOnlyWhatWasLeftOfOne(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "anna.txt")
	require.NoError(t, SweepFile(filepath.Join(folder, "none", "anna.txt")))
	for _, name := range []string{"anna.txt", ".anna.txt.12", ".anna.txt.3", ".anna.txt.order.12",
		".anna.txt.x", ".anna.txt.", ".bo.txt.12"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("PIN"), 0o600))
	}
	require.NoError(t, SweepFile(path))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, []string{".anna.txt.", ".anna.txt.order.12", ".anna.txt.x", ".bo.txt.12",
		"anna.txt"}, names)
}
