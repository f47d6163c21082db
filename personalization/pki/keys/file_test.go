package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"io/fs"
	rand2 "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/keys/secret"
)

func seeded(seed byte) *rand2.ChaCha8 { return rand2.NewChaCha8([32]byte{seed}) }

// answering is a source with one answer.
func answering(text string) secret.Source {
	return func(context.Context, secret.Request) ([]byte, error) { return []byte(text), nil }
}

// requireSigns checks that the key signs as crypto/ecdsa does.
func requireSigns(t testing.TB, key crypto.Signer) {
	t.Helper()
	digest := sha256.Sum256([]byte("a message"))
	signed, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	require.NoError(t, err)
	require.True(t, ecdsa.VerifyASN1(key.Public().(*ecdsa.PublicKey), digest[:], signed))
}

func TestGenerateFollowsItsReader(t *testing.T) {
	first, err := Generate(seeded(1))
	require.NoError(t, err)
	again, err := Generate(seeded(1))
	require.NoError(t, err)
	other, err := Generate(seeded(2))
	require.NoError(t, err)
	assert.True(t, first.Equal(again))
	assert.False(t, first.Equal(other))
}

func TestGenerateSkipsValuesOutOfRange(t *testing.T) {
	var stream []byte
	for range scalarBytes {
		stream = append(stream, 0xFF) // above the order of the group
	}
	stream = append(stream, make([]byte, scalarBytes)...) // zero
	last := make([]byte, scalarBytes)
	last[scalarBytes-1] = 7
	stream = append(stream, last...)

	key, err := Generate(&sliceReader{stream})
	require.NoError(t, err)
	raw, err := key.Bytes()
	require.NoError(t, err)
	assert.Equal(t, last, raw)

	_, err = Generate(&sliceReader{nil})
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
	for name, o := range map[string]Options{
		"plain":     {Unprotected: true},
		"protected": {Secret: answering("a long passphrase")},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "SENORDIC", "ca.key")
			reference := FileReference(path).String()
			_, err := Open(t.Context(), reference, o)
			require.ErrorIs(t, err, fs.ErrNotExist)
			made, err := Create(t.Context(), reference, o)
			require.NoError(t, err)
			requireSigns(t, made)
			_, err = Create(t.Context(), reference, o)
			require.ErrorIs(t, err, fs.ErrExist, "no key is ever replaced")
			found, err := OpenOrCreate(t.Context(), reference, o)
			require.NoError(t, err)
			requireSigns(t, found)
			assert.Equal(t, made.Public(), found.Public())
			assert.NoError(t, found.Close())

			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, durable.OwnerOnly, info.Mode().Perm())
			entries, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			assert.Len(t, entries, 1, "no temporary file stays")
		})
	}
}

func TestWrongPassphrase(t *testing.T) {
	reference := FileReference(filepath.Join(t.TempDir(), "root.key")).String()
	_, err := Create(t.Context(), reference, Options{Secret: answering("correct horse")})
	require.NoError(t, err)
	_, err = Open(t.Context(), reference, Options{Secret: answering("battery staple")})
	require.ErrorIs(t, err, ErrSecret)
	assert.NotContains(t, err.Error(), "staple")
	_, err = Open(t.Context(), reference, Options{})
	require.ErrorIs(t, err, secret.ErrNone)
}

func TestSoftwareKeysSignDeterministically(t *testing.T) {
	key, err := Create(t.Context(), FileReference(filepath.Join(t.TempDir(), "a.key")).String(),
		Options{Unprotected: true})
	require.NoError(t, err)
	digest := sha256.Sum256([]byte("a message"))
	first, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	require.NoError(t, err)
	second, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	require.NoError(t, err)
	assert.Equal(t, first, second)
}

func TestKeyFileMadeTwiceAtOnceIsOneKey(t *testing.T) {
	reference := FileReference(filepath.Join(t.TempDir(), "notary.key")).String()
	const makers = 8
	keys := make([]crypto.PublicKey, makers)
	var all sync.WaitGroup
	for i := range makers {
		all.Go(func() {
			key, err := OpenOrCreate(t.Context(), reference, Options{Unprotected: true})
			if assert.NoError(t, err) {
				keys[i] = key.Public()
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		assert.Equal(t, keys[0], key)
	}
}

func TestOpenRefusesFiles(t *testing.T) {
	cases := []struct {
		name, content string
		mode          os.FileMode
		want          string
	}{
		{"a file others can read", "anything", 0o644, "chmod 600"},
		{"no PEM", "d00d secret", 0o600, "not one PEM block"},
		{"another PEM type", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
			0o600, "not one PEM block"},
		{"PEM of no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600,
			"not a PKCS#8 key"},
		{"protected PEM of no key",
			"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
			0o600, "not a PKCS#8 key under PBES2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.key")
			require.NoError(t, os.WriteFile(path, []byte(c.content), c.mode))
			_, err := Open(t.Context(), "file:"+path, Options{Secret: answering("x")})
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

// openssl runs the program, or skips the test on a machine without it.
func openssl(t *testing.T, arguments ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl")
	}
	out, err := exec.CommandContext(t.Context(), path, arguments...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return out
}

func TestOpenSSLReadsOurKeysAndWeItsKeys(t *testing.T) {
	folder := t.TempDir()
	passphrase := filepath.Join(folder, "passphrase")
	require.NoError(t, os.WriteFile(passphrase, []byte("correct horse battery staple\n"), 0o600))
	o := Options{Secret: secret.From(passphrase)}
	ours := filepath.Join(folder, "ours.key")
	key, err := Create(t.Context(), "file:"+ours, o)
	require.NoError(t, err)
	requireSigns(t, key)
	openssl(t, "pkey", "-in", ours, "-passin", "file:"+passphrase, "-noout", "-check")

	plain := filepath.Join(folder, "plain.key")
	openssl(t, "pkcs8", "-topk8", "-nocrypt", "-in", ours, "-passin", "file:"+passphrase, "-out",
		plain)
	for name, arguments := range map[string][]string{
		"scrypt": {"-scrypt"},
		"PBKDF2": {"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", "200000"},
		"weak":   {"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", "1000"},
		"DES":    {"-v2", "des3"},
		"plain":  {"-nocrypt"},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := filepath.Join(t.TempDir(), "their.key")
			openssl(t, append([]string{"pkcs8", "-topk8", "-in", plain, "-passout",
				"file:" + passphrase, "-out", theirs}, arguments...)...)
			require.NoError(t, os.Chmod(theirs, 0o600))
			found, err := Open(t.Context(), "file:"+theirs, o)
			if name == "weak" || name == "DES" {
				require.ErrorContains(t, err, "protect it anew")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, key.Public(), found.Public())
		})
	}
}

// The TPM's and the HSM's benchmarks are in their packages.
func BenchmarkSign(b *testing.B) {
	key, err := Create(b.Context(), FileReference(filepath.Join(b.TempDir(), "a.key")).String(),
		Options{Unprotected: true})
	require.NoError(b, err)
	digest := sha256.Sum256(nil)
	for b.Loop() {
		if _, err := key.Sign(nil, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenProtected(b *testing.B) {
	reference := FileReference(filepath.Join(b.TempDir(), "a.key")).String()
	_, err := Create(b.Context(), reference, Options{Secret: answering("right")})
	require.NoError(b, err)
	for b.Loop() {
		if _, err := Open(b.Context(), reference, Options{Secret: answering("right")}); err != nil {
			b.Fatal(err)
		}
	}
}
