package terminal

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSealedRowOpensOnlyInItsPlaceUnalteredUnderItsKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "plain")
		number := rapid.Uint32().Draw(t, "number")
		random := rand.NewChaCha8([32]byte{1})
		s, err := newSealer(JournalKey{7}, random)
		require.NoError(t, err)
		sealed, err := s.seal("record", number, plain)
		require.NoError(t, err)

		opened, err := s.open("record", number, sealed)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(plain, opened))

		_, err = s.open("record", number+1, sealed)
		assert.ErrorIs(t, err, ErrJournal)
		_, err = s.open("request", number, sealed)
		assert.ErrorIs(t, err, ErrJournal)

		other, err := newSealer(JournalKey{8}, random)
		require.NoError(t, err)
		_, err = other.open("record", number, sealed)
		assert.ErrorIs(t, err, ErrJournal)

		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "altered byte")
		altered := bytes.Clone(sealed)
		altered[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "altered bit")
		_, err = s.open("record", number, altered)
		assert.ErrorIs(t, err, ErrJournal)
		_, err = s.open("record", number, sealed[:at])
		assert.ErrorIs(t, err, ErrJournal)
	})
}
