package terminal

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Only rows that this terminal has sealed open.
func FuzzJournalRow(f *testing.F) {
	s, err := newSealer(JournalKey{7}, rand.NewChaCha8([32]byte{1}))
	require.NoError(f, err)
	sealed, err := s.seal("record", 1, []byte("a record"))
	require.NoError(f, err)
	f.Add("record", uint32(2), sealed)
	f.Add("request", uint32(1), sealed)
	f.Add("record", uint32(1), sealed[:len(sealed)-1])
	f.Fuzz(func(t *testing.T, kind string, number uint32, row []byte) {
		if plain, err := s.open(kind, number, row); err == nil {
			require.Equal(t, []any{"record", uint32(1), sealed}, []any{kind, number, row})
			require.Equal(t, "a record", string(plain))
		} else {
			require.ErrorIs(t, err, ErrJournal)
		}
	})
}
