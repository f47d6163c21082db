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

// A link stays one, and what it leads to is replaced, there or not; links that lead nowhere but to
// each other are refused, before long work too.
func TestReplaceBehindLinks(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	require.NoError(t, os.Mkdir(in("far"), 0o700))
	require.NoError(t, os.WriteFile(in("far/old"), []byte("old"), 0o600))
	for link, to := range map[string]string{"a": in("far/old"), "b": "a", "c": "far/new", "d": "c",
		"loop": "pool", "pool": "loop", "null": os.DevNull} {
		require.NoError(t, os.Symlink(to, in(link)))
	}
	for _, link := range []string{"a", "b", "c", "d", "c", "b"} {
		require.NoError(t, Replaceable(in(link)))
		require.NoError(t, Replace(in(link), []byte(link), Everyone))
		content, err := os.ReadFile(in(link))
		require.NoError(t, err)
		assert.Equal(t, link, string(content))
	}
	for _, link := range []string{"a", "b", "c", "d"} {
		info, err := os.Lstat(in(link))
		require.NoError(t, err)
		assert.Equal(t, fs.ModeSymlink, info.Mode().Type(), link)
	}
	for name, want := range map[string]string{"far/old": "b", "far/new": "c"} {
		content, err := os.ReadFile(in(name))
		require.NoError(t, err)
		assert.Equal(t, want, string(content))
	}
	left, err := os.ReadDir(in("far"))
	require.NoError(t, err)
	assert.Len(t, left, 2)
	for _, bad := range []string{"loop", "pool", "null"} {
		assert.Error(t, Replaceable(in(bad)), bad)
		assert.Error(t, Replace(in(bad), nil, Everyone), bad)
	}
	assert.True(t, SameFile(in("c"), in("far/new")))
	require.NoError(t, os.Remove(in("far/new")))
	assert.True(t, SameFile(in("c"), in("d")), "that is not there yet")
}
