package cmac

import (
	"bytes"
	"crypto/aes"
	"crypto/des"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// NIST, "Examples with Intermediate Values", SP 800-38B AES-128 and AES-256
// (csrc.nist.gov); the AES-128 ones are RFC 4493 §4 too.
func TestPublishedVectors(t *testing.T) {
	const message = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	const key128 = "2b7e151628aed2a6abf7158809cf4f3c"
	const key256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
	for _, c := range []struct {
		key  string
		n    int
		want string
	}{
		{key128, 0, "bb1d6929e95937287fa37d129b756746"},
		{key128, 16, "070a16b46b4d4144f79bdd9dd04a287c"},
		{key128, 40, "dfa66747de9ae63030ca32611497c827"},
		{key128, 64, "51f0bebf7e3b9d92fc49741779363cfe"},
		{key256, 0, "028962f61b7bf89efc6b551f4667d983"},
		{key256, 16, "28a7023f452e8f82bd4bf28d8c37c35c"},
		{key256, 40, "aaf3d8f1de5640c232f5b169b9c911e6"},
		{key256, 64, "e1992190549f6ed5696a2c056c315410"},
	} {
		mac, err := Sum(unhex(t, c.key), unhex(t, message)[:c.n])
		require.NoError(t, err)
		assert.Equal(t, c.want, hex.EncodeToString(mac[:]), "%d bytes", c.n)
	}
}

// However the message is cut into parts, the MAC is the same.
func TestPartsJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key")
		message := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "message")
		whole, err := Sum(key, message)
		require.NoError(t, err)
		a := rapid.IntRange(0, len(message)).Draw(t, "a")
		b := rapid.IntRange(a, len(message)).Draw(t, "b")
		parts, err := Sum(key, message[:a], message[a:b], message[b:])
		require.NoError(t, err)
		require.Equal(t, whole, parts)
		require.True(t, Verify(key, whole[:], message))
		require.True(t, Verify(key, whole[:8], message))
		require.False(t, Verify(key, whole[:7], message))
		whole[rapid.IntRange(0, 15).Draw(t, "at")] ^= 1
		require.False(t, Verify(key, whole[:], message))
	})
	_, err := Sum(make([]byte, 15))
	require.Error(t, err)
}

// A MAC is new again after each message, and after one that was dropped.
func TestReuse(t *testing.T) {
	block, err := aes.NewCipher(make([]byte, 16))
	require.NoError(t, err)
	m, err := New(block)
	require.NoError(t, err)
	for n := range 40 {
		message := bytes.Repeat([]byte{byte(n)}, n)
		m.Write(make([]byte, n))
		m.Reset()
		m.Write(message)
		want, err := Sum(make([]byte, 16), message)
		require.NoError(t, err)
		require.Equal(t, want, m.Sum(), n)
	}
	des, err := des.NewCipher(make([]byte, 8))
	require.NoError(t, err)
	_, err = New(des)
	require.ErrorContains(t, err, "blocks of 8 bytes")
}
