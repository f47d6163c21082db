package week

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThin(t *testing.T) {
	r, err := Run(t.Context(), Plan{Cards: 200, Terminals: 10, Days: 1, Seed: 1, Limits: Pilot, Workers: 2})
	require.NoError(t, WriteTable(os.Stdout, r))
	t.Logf("%+v %+v", r, r.Morning)
	require.NoError(t, err)
}
