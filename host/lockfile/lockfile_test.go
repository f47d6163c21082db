//go:build unix

package lockfile

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneHasTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Take(path)
	require.NoError(t, err)
	_, err = Take(path)
	assert.ErrorIs(t, err, ErrTaken)
	require.NoError(t, release())
	release, err = Take(path)
	require.NoError(t, err)
	require.NoError(t, release())
	_, err = Take(filepath.Join(path, "below a file"))
	assert.Error(t, err)
}
