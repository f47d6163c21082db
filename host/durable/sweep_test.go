package durable

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSweepTakesOnlyWhatWasLeft(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, Sweep(filepath.Join(folder, "none")))
	require.NoError(t, Create(filepath.Join(folder, "letter.age"), []byte("x"), OwnerOnly))
	require.NoError(t, Create(filepath.Join(folder, ".hidden"), []byte("x"), OwnerOnly))
	left, err := os.CreateTemp(folder, ".letter.age.*")
	require.NoError(t, err)
	require.NoError(t, left.Close())
	require.NoError(t, Sweep(folder))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	assert.Equal(t, ".hidden", entries[0].Name())
	assert.Equal(t, "letter.age", entries[1].Name())
}
