package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/durable"
)

// A file without end is refused, one of the most bytes is read.
func TestReadHasALimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("12345"), 0o600))
	content, err := durable.ReadAtMost(path, 5)
	require.NoError(t, err)
	assert.Equal(t, "12345", string(content))
	_, err = durable.ReadAtMost(path, 4)
	require.ErrorIs(t, err, durable.ErrTooLong)
	assert.Contains(t, err.Error(), path)
	endless := filepath.Join(t.TempDir(), "endless")
	require.NoError(t, os.Symlink("/dev/zero", endless))
	_, err = durable.Read(endless)
	require.ErrorIs(t, err, durable.ErrTooLong)
	_, err = durable.Read(path + "2")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A device, a link to one and a folder stay what they are.
func TestReplaceReplacesFilesOnly(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink("/dev/null", link))
	for _, path := range []string{link, t.TempDir()} {
		require.ErrorIs(t, durable.Replace(path, []byte("x"), durable.Everyone), durable.ErrNoFile)
	}
	there, err := os.Stat(link)
	require.NoError(t, err)
	assert.False(t, there.Mode().IsRegular())
}
