package week

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThin(t *testing.T) {
	r, err := Run(t.Context(), Plan{Cards: 30, Terminals: 4, Days: 2, Seed: 1, Limits: Pilot, Workers: 2})
	require.NoError(t, WriteTable(os.Stdout, r))
	t.Logf("%+v %+v", r, r.Morning)
	require.NoError(t, err)
}
