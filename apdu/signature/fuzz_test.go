package signature

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever reads as a DER signature is written back as the same bytes.
func FuzzFromDER(f *testing.F) {
	for _, s := range []Plain{{31: 1, 63: 1}, {0: 0x80, 32: 0xFF}, {0: 0x7F, 40: 1}} {
		der, err := s.DER()
		require.NoError(f, err)
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := FromDER(b)
		if err != nil {
			require.Zero(t, s)
			return
		}
		der, err := s.DER()
		require.NoError(t, err)
		require.Equal(t, b, der)
	})
}

// Whatever reads as a point is one, and is written back as the same bytes.
func FuzzParsePoint(f *testing.F) {
	for _, scalar := range []byte{1, 2, 9} {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), scalar))
		require.NoError(f, err)
		point, err := Point(&key.PublicKey)
		require.NoError(f, err)
		f.Add(point)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ParsePoint(b)
		if err != nil {
			require.Nil(t, key)
			return
		}
		point, err := Point(key)
		require.NoError(t, err)
		require.Equal(t, b, point)
	})
}
