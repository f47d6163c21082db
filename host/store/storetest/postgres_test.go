package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStartWithoutServer: an initdb that fails is an error line, and leaves no folder.
func TestStartWithoutServer(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := start(ctx)
	if errors.Is(err, errNotInstalled) {
		t.Skip(err)
	}
	require.ErrorContains(t, err, "initdb: context canceled")
	left, err := filepath.Glob(filepath.Join(os.TempDir(), folders+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
