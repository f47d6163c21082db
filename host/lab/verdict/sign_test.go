package verdict_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/host/lab/verdict"
	"ekrona.example/personalization/pki/keys"
)

func readCAP(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "emulator", "testdata", "probe",
		name))
	require.NoError(t, err)
	return content
}

func TestSign(t *testing.T) {
	key, err := keys.Generate(card.SeededRandom("signer"))
	require.NoError(t, err)
	other, err := keys.Generate(card.SeededRandom("other"))
	require.NoError(t, err)
	page := []byte("<!DOCTYPE html>\n<p>verdict</p>")
	signed, err := verdict.Sign(key, page)
	require.NoError(t, err)
	by, err := verdict.Verify(signed)
	require.NoError(t, err)
	fingerprint, err := verdict.Fingerprint(&key.PublicKey)
	require.NoError(t, err)
	assert.Equal(t, fingerprint, by.Fingerprint)
	assert.True(t, key.PublicKey.Equal(by.Key))

	for i := range signed {
		for _, bit := range []byte{1, 0x20} {
			changed := bytes.Clone(signed)
			changed[i] ^= bit
			_, err := verdict.Verify(changed)
			assert.Error(t, err, "byte %d of %d", i, len(signed))
		}
	}
	for n := range signed {
		_, err := verdict.Verify(signed[:n])
		assert.Error(t, err)
	}
	_, err = verdict.Verify(append(bytes.Clone(signed), "<p>more</p>"...))
	assert.ErrorIs(t, err, verdict.ErrAltered)
	_, err = verdict.Verify(page)
	assert.ErrorIs(t, err, verdict.ErrUnsigned)

	// Signed again it is the second signer's, the first signature being content.
	again, err := verdict.Sign(other, signed)
	require.NoError(t, err)
	by, err = verdict.Verify(again)
	require.NoError(t, err)
	assert.True(t, other.PublicKey.Equal(by.Key))
}

// FuzzVerify: nothing that is no page of a signer passes, and nothing breaks.
func FuzzVerify(f *testing.F) {
	key, err := keys.Generate(card.SeededRandom("signer"))
	require.NoError(f, err)
	signed, err := verdict.Sign(key, []byte("<p>verdict</p>\n"))
	require.NoError(f, err)
	f.Add(signed)
	f.Add([]byte("<!-- ekrona-signature ecdsa-p256-sha256 AA== AA== -->\n"))
	f.Fuzz(func(t *testing.T, page []byte) {
		by, err := verdict.Verify(page)
		if err == nil && by.Key.Equal(&key.PublicKey) && !bytes.HasPrefix(page,
			[]byte("<p>verdict</p>\n")) {
			t.Error("a page that nobody signed")
		}
		_, _ = verdict.Embedded(page)
	})
}
