package signature

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// RFC 6979 §A.2.5, P-256 with SHA-256: the key, and r and s of two messages.
func TestPublishedVectors(t *testing.T) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(),
		unhex(t, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))
	require.NoError(t, err)
	point, err := Point(&key.PublicKey)
	require.NoError(t, err)
	assert.Equal(t, "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"+
		"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
		hex.EncodeToString(point))
	for _, c := range []struct{ message, r, s string }{
		{"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
			"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
		{"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
			"019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
	} {
		s, err := Sign(key, []byte(c.message))
		require.NoError(t, err)
		assert.Equal(t, c.r+c.s, hex.EncodeToString(s[:]))
		require.NoError(t, s.Verify(&key.PublicKey, []byte(c.message)))
		assert.ErrorIs(t, s.Verify(&key.PublicKey, []byte("other")), ErrWrong)
	}
}

func TestPlainAndDERAreOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Plain(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "plain"))
		for _, half := range []int{0, 32} { // leading zeros and high bits, where DER changes length
			clear(s[half : half+rapid.IntRange(0, 31).Draw(t, "zeros")])
			s[half+31] |= 1
		}
		der, err := s.DER()
		require.NoError(t, err)
		back, err := FromDER(der)
		require.NoError(t, err)
		require.Equal(t, s, back)
		_, err = FromDER(append(der, 0))
		require.Error(t, err)
	})
	for _, wrong := range []string{"", "3000", "3006020100020101", "30060201ff020101",
		"3003020101"} {
		b, err := hex.DecodeString(wrong)
		require.NoError(t, err)
		_, err = FromDER(b)
		assert.Error(t, err, wrong)
	}
	var zero Plain
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), 9))
	require.NoError(t, err)
	assert.ErrorIs(t, zero.Verify(&key.PublicKey, nil), ErrWrong)
}

func TestOtherKeysAreRefused(t *testing.T) {
	_, other, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	_, err = Sign(other, []byte("m"))
	assert.ErrorIs(t, err, ErrKey)
	_, err = Sign(nil, []byte("m"))
	assert.ErrorIs(t, err, ErrKey)
	p384, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), append(make([]byte, 47), 9))
	require.NoError(t, err)
	_, err = Sign(p384, []byte("m"))
	assert.ErrorIs(t, err, ErrKey)
	_, err = Point(&p384.PublicKey)
	assert.ErrorIs(t, err, ErrKey)
	assert.ErrorIs(t, Plain{}.Verify(&p384.PublicKey, nil), ErrKey)
}

func TestParsePointRefuses(t *testing.T) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), 9))
	require.NoError(t, err)
	good, err := Point(&key.PublicKey)
	require.NoError(t, err)
	_, err = ParsePoint(good)
	require.NoError(t, err)
	for name, change := range map[string]func([]byte) []byte{
		"too short":        func(b []byte) []byte { return b[:64] },
		"not on the curve": func(b []byte) []byte { b[64] ^= 1; return b },
		"compressed form":  func(b []byte) []byte { b[0] = 2; return b },
		"infinity":         func([]byte) []byte { return []byte{0} },
	} {
		_, err := ParsePoint(change(append([]byte{}, good...)))
		assert.Error(t, err, name)
	}
}
