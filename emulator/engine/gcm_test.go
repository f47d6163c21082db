package engine

import (
	"crypto/cipher"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// In any parts, with an initial chaining value of any length, the same as Go's as a whole; a copy
// in the middle goes on alike.
func TestGCMInPartsIsGCMAsAWhole(t *testing.T) {
	some := func(t *rapid.T, name string, least, most int) []byte {
		return rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		block, err := NewAES(some(t, "key", 16, 16))
		require.NoError(t, err)
		nonce, additional := some(t, "nonce", 1, 40), some(t, "additional", 0, 50)
		sameAsGo(t, block, nonce, additional, some(t, "plain", 0, 100))
	})
}

func sameAsGo(t *rapid.T, block cipher.Block, nonce, additional, plain []byte) {
	whole, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	require.NoError(t, err)
	sealed := whole.Seal(nil, nonce, plain, additional)
	for _, encrypt := range []bool{true, false} {
		in, out := plain, sealed[:len(plain)]
		if !encrypt {
			in, out = out, in
		}
		mode, err := NewGCM(block, encrypt, nonce)
		require.NoError(t, err)
		inParts(t, additional, mode.Additional)
		var got []byte
		inParts(t, in, func(part []byte) {
			left := mode.Copy()
			got = mode.Crypt(got, part)
			left.Crypt(nil, []byte("another part"))
			left.Tag()
		})
		assert.Equal(t, append([]byte{}, out...), append([]byte{}, got...))
		assert.Equal(t, sealed[len(plain):], mode.Tag())
	}
}

// The counter's last 32 bits begin anew without a carry. The initial chaining value that leads to
// such a counter follows from the key.
func TestGCMCountsIn32Bits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key")
		block, err := NewAES(key)
		require.NoError(t, err)
		var zero [16]byte
		block.Encrypt(zero[:], zero[:])
		inverse := element{1 << 63, 0} // 1, and then the key to the power of 2^128-2
		for power, i := elementOf(zero[:]), 0; i < 127; i++ {
			power = power.times(power)
			inverse = inverse.times(power)
		}
		near := rapid.Uint64Range(1<<32-5, 1<<32-1).Draw(t, "count")
		wanted := element{rapid.Uint64().Draw(t, "high"), 0xFFFFFFFF<<32 | near}
		value := wanted.times(inverse).plus(element{0, 128}).times(inverse)
		nonce := binary.BigEndian.AppendUint64(nil, value.high)
		nonce = binary.BigEndian.AppendUint64(nonce, value.low)
		mode, err := NewGCM(block, true, nonce)
		require.NoError(t, err)
		assert.Equal(t, wanted, elementOf(mode.(*gcm).counter[:]))
		sameAsGo(t, block, nonce, nil, make([]byte, 16*8))
	})
}
