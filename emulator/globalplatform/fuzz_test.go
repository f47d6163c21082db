package globalplatform

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A card manager's record from a damaged file is refused, or is one that is written
// and read again as the same.
func FuzzRecord(f *testing.F) {
	record, err := plain(f).state.encode()
	require.NoError(f, err)
	f.Add(record)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseState(b)
		if err != nil {
			require.ErrorIs(t, err, errRecord)
			return
		}
		written, err := s.encode()
		if err != nil {
			return // a value longer than a data object can be
		}
		again, err := parseState(written)
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}
