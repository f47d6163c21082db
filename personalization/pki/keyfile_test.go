package pki

import (
	"crypto/rand"
	rand2 "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func seeded(seed byte) *rand2.ChaCha8 { return rand2.NewChaCha8([32]byte{seed}) }

func TestGenerateKeyFollowsItsReader(t *testing.T) {
	first, err := GenerateKey(seeded(1))
	require.NoError(t, err)
	again, err := GenerateKey(seeded(1))
	require.NoError(t, err)
	other, err := GenerateKey(seeded(2))
	require.NoError(t, err)
	assert.True(t, first.Equal(again))
	assert.False(t, first.Equal(other))
}

func TestGenerateKeySkipsValuesOutOfRange(t *testing.T) {
	var stream []byte
	for range scalarBytes {
		stream = append(stream, 0xFF) // above the order of the group
	}
	stream = append(stream, make([]byte, scalarBytes)...) // zero
	last := make([]byte, scalarBytes)
	last[scalarBytes-1] = 7
	stream = append(stream, last...)

	key, err := GenerateKey(&sliceReader{stream})
	require.NoError(t, err)
	raw, err := key.Bytes()
	require.NoError(t, err)
	assert.Equal(t, last, raw)

	_, err = GenerateKey(&sliceReader{nil})
	assert.Error(t, err)
}

type sliceReader struct{ left []byte }

func (r *sliceReader) Read(into []byte) (int, error) {
	if len(r.left) == 0 {
		return 0, os.ErrClosed
	}
	n := copy(into, r.left)
	r.left = r.left[n:]
	return n, nil
}

func TestKeyFileIsKeptAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "SENORDIC", "ca.key")
	made, err := LoadOrCreateKey(path, rand.Reader)
	require.NoError(t, err)
	found, err := LoadOrCreateKey(path, rand.Reader)
	require.NoError(t, err)
	assert.True(t, made.Equal(found))

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, ownerOnly, info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file stays")
}

func TestKeyFileMadeTwiceAtOnceIsOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notary.key")
	const makers = 8
	keys := make([][]byte, makers)
	var all sync.WaitGroup
	for i := range makers {
		all.Go(func() {
			key, err := LoadOrCreateKey(path, rand.Reader)
			if assert.NoError(t, err) {
				keys[i], err = key.Bytes()
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		assert.Equal(t, keys[0], key)
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	cases := []struct {
		name, content string
		mode          os.FileMode
		want          string
	}{
		{"a file others can read", "anything", 0o644, "chmod 600"},
		{"no PEM", "d00d secret", 0o600, "not one PEM block"},
		{"another PEM type", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", 0o600, "not one PEM block"},
		{"PEM of no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600, "not a PKCS#8 key"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.key")
			require.NoError(t, os.WriteFile(path, []byte(c.content), c.mode))
			_, err := LoadKey(path)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
