package tpm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/signature"
	"ekrona.example/personalization/pki/keys/secret"
	"ekrona.example/personalization/pki/keys/tpm/tpmtest"
)

func answering(text string) secret.Source {
	return func(context.Context, secret.Request) ([]byte, error) { return []byte(text), nil }
}

// newTPM starts a TPM and names a key of it that is not there yet.
func newTPM(t testing.TB) (*tpmtest.TPM, Reference) {
	m := tpmtest.New(t, t.TempDir())
	return m, Reference{Blob: filepath.Join(t.TempDir(), "key.tpm"), Device: m.Socket}
}

func requireSigns(t testing.TB, key crypto.Signer) {
	t.Helper()
	signed, err := signature.Sign(key, []byte("a message"))
	require.NoError(t, err)
	require.NoError(t, signed.Verify(key.Public().(*ecdsa.PublicKey), []byte("a message")))
}

func TestKeyOutlivesARestartOfItsTPM(t *testing.T) {
	m, r := newTPM(t)
	for _, unprotected := range []bool{true, false} {
		r.Blob += "x"
		_, err := Open(t.Context(), r, answering("1234"))
		require.ErrorIs(t, err, fs.ErrNotExist)
		made, err := Create(t.Context(), r, answering("1234"), unprotected)
		require.NoError(t, err)
		requireSigns(t, made)

		m.Restart()
		requireSigns(t, made)
		found, err := Open(t.Context(), r, answering("1234"))
		require.NoError(t, err)
		assert.Equal(t, made.Public(), found.Public())
		requireSigns(t, found)
		require.NoError(t, made.Close())
		require.NoError(t, found.Close())
	}
}

// On a device with a resource manager a key stays loaded between signatures; when the
// TPM behind it was restarted, it is loaded again.
func TestKeyHeldLoadedIsLoadedAgainAfterARestart(t *testing.T) {
	m, r := newTPM(t)
	key, err := Create(t.Context(), r, answering("1234"), false)
	require.NoError(t, err)
	l, err := key.load(t.Context())
	require.NoError(t, err)
	l.managed = true // as over /dev/tpmrm0
	require.NoError(t, key.keep(l))
	requireSigns(t, key)
	require.Same(t, l, key.held)
	m.Restart()
	requireSigns(t, key)
	require.Nil(t, key.held, "and not kept on a socket")
	require.NoError(t, key.Close())
	digest := sha256.Sum256(nil)
	_, err = key.Sign(nil, digest[:], crypto.SHA256)
	require.ErrorContains(t, err, "closed")
}

func TestCreateNeverReplacesAKey(t *testing.T) {
	_, r := newTPM(t)
	require.NoError(t, os.WriteFile(r.Blob, []byte("anything"), 0o600))
	_, err := Create(t.Context(), r, nil, true)
	require.ErrorIs(t, err, fs.ErrExist)
	content, err := os.ReadFile(r.Blob)
	require.NoError(t, err)
	assert.Equal(t, "anything", string(content))
}

func TestWrongAuthorizationValueIsRefusedAndThenLockedOut(t *testing.T) {
	_, r := newTPM(t)
	made, err := Create(t.Context(), r, answering("right"), false)
	require.NoError(t, err)
	requireSigns(t, made)
	wrong, err := Open(t.Context(), r, answering("wrong"))
	require.NoError(t, err, "the value is tried when the key signs")
	digest := sha256.Sum256(nil)
	_, err = wrong.Sign(nil, digest[:], crypto.SHA256)
	require.ErrorIs(t, err, secret.ErrWrong)
	assert.NotContains(t, err.Error(), "wrong\"")
	for range 8 { // swtpm gives three tries
		_, err = wrong.Sign(nil, digest[:], crypto.SHA256)
	}
	require.ErrorIs(t, err, ErrLocked)
	_, err = Open(t.Context(), r, nil)
	require.ErrorIs(t, err, secret.ErrNone)
}

func TestKeyOfAnotherTPM(t *testing.T) {
	_, r := newTPM(t)
	_, err := Create(t.Context(), r, nil, true)
	require.NoError(t, err)
	other, _ := newTPM(t)
	r.Device = other.Socket
	_, err = Open(t.Context(), r, nil)
	require.ErrorIs(t, err, ErrForeign)
}

// What a killed program left loaded does not hinder the next: a TPM has
// room for three objects.
func TestLeftoversAreSwept(t *testing.T) {
	_, r := newTPM(t)
	for range 5 {
		l, err := connect(t.Context(), r.Device, 0)
		require.NoError(t, err)
		require.NoError(t, l.tpm.Close(), "without unloading")
	}
	key, err := Create(t.Context(), r, nil, true)
	require.NoError(t, err)
	requireSigns(t, key)
}

func TestSeveralKeysAndGoroutines(t *testing.T) {
	_, r := newTPM(t)
	var all sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		r := r
		r.Blob += name
		key, err := Create(t.Context(), r, nil, true)
		require.NoError(t, err)
		for range 3 {
			all.Go(func() {
				signed, err := signature.Sign(key, []byte("m"))
				if assert.NoError(t, err) {
					assert.NoError(t, signed.Verify(key.Public().(*ecdsa.PublicKey), []byte("m")))
				}
			})
		}
	}
	all.Wait()
}

func TestPersistentParent(t *testing.T) {
	_, r := newTPM(t)
	l, err := connect(t.Context(), r.Device, 0)
	require.NoError(t, err)
	r.Parent = 0x81000001
	_, err = tpm2.EvictControl{Auth: tpm2.TPMRHOwner, ObjectHandle: &l.parent,
		PersistentHandle: tpm2.TPMHandle(r.Parent)}.Execute(l.tpm)
	require.NoError(t, err)
	require.NoError(t, l.close())
	key, err := Create(t.Context(), r, answering("pass"), false)
	require.NoError(t, err)
	requireSigns(t, key)
	r.Parent = 0 // the file names it
	found, err := Open(t.Context(), r, answering("pass"))
	require.NoError(t, err)
	requireSigns(t, found)
}

func TestOtherDigestsAndLongPassphrasesAreRefused(t *testing.T) {
	_, r := newTPM(t)
	_, err := Create(t.Context(), r, answering("a passphrase that is longer than a digest"), false)
	require.ErrorContains(t, err, "1 to 32 bytes")
	key, err := Create(t.Context(), r, nil, true)
	require.NoError(t, err)
	_, err = key.Sign(nil, make([]byte, 48), crypto.SHA384)
	require.ErrorContains(t, err, "SHA-256 digests only")
}

func TestDeviceThatIsNone(t *testing.T) {
	folder := t.TempDir()
	for _, device := range []string{filepath.Join(folder, "none"), "localhost:1"} {
		_, err := Create(t.Context(),
			Reference{Blob: filepath.Join(folder, "a.tpm"), Device: device}, nil, true)
		require.ErrorIs(t, err, ErrDevice)
		require.NotErrorIs(t, err, fs.ErrNotExist, "the key is not what is missing")
	}
}

// The attributes are what the package promises of its keys.
func TestKeyStaysAndOnlySigns(t *testing.T) {
	_, r := newTPM(t)
	key, err := Create(t.Context(), r, nil, true)
	require.NoError(t, err)
	sized, err := tpm2.Unmarshal[tpm2.TPM2BPublic](key.blob.Public)
	require.NoError(t, err)
	public, err := sized.Contents()
	require.NoError(t, err)
	assert.Equal(t, tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
		UserWithAuth: true, NoDA: true, SignEncrypt: true}, public.ObjectAttributes)
}

// openssl with the provider tpm2-openssl, another reader of the format, signs with
// our key and makes one for us.
func TestOpenSSLProviderSharesTheFormat(t *testing.T) {
	_, r := newTPM(t)
	port := forward(t, r.Device)
	folder := t.TempDir()
	run := func(arguments ...string) ([]byte, error) {
		c := exec.CommandContext(t.Context(), "openssl", arguments...)
		c.Dir, c.Env = folder, append(os.Environ(), "TPM2OPENSSL_TCTI=swtpm:port="+port)
		return c.CombinedOutput()
	}
	if out, err := run("list", "-providers", "-provider", "tpm2"); err != nil {
		if os.Getenv("EKRONA_REQUIRE_TPM") != "" {
			t.Fatalf("openssl has no provider tpm2: apt-get install openssl tpm2-openssl: %s", out)
		}
		t.Skipf("needs openssl with its provider tpm2 (on Debian: apt-get install openssl "+
			"tpm2-openssl): %s", out)
	}
	made, err := Create(t.Context(), r, nil, true)
	require.NoError(t, err)
	message := filepath.Join(folder, "message")
	require.NoError(t, os.WriteFile(message, []byte("a message"), 0o600))
	out, err := run("dgst", "-sha256", "-provider", "tpm2", "-provider", "default", "-propquery",
		"?provider=tpm2", "-sign", r.Blob, "-out", "signed", message)
	require.NoError(t, err, "%s", out)
	signed, err := os.ReadFile(filepath.Join(folder, "signed"))
	require.NoError(t, err)
	digest := sha256.Sum256([]byte("a message"))
	require.True(t, ecdsa.VerifyASN1(made.public, digest[:], signed))

	out, err = run("genpkey", "-provider", "tpm2", "-propquery", "provider=tpm2", "-algorithm",
		"EC", "-pkeyopt", "group:P-256", "-out", "theirs.tpm")
	require.NoError(t, err, "%s", out)
	found, err := Open(t.Context(),
		Reference{Blob: filepath.Join(folder, "theirs.tpm"), Device: "localhost:" + port}, nil)
	require.NoError(t, err)
	requireSigns(t, found)
}

// forward lends a TPM on a Unix socket two TCP ports, one above the other: commands go
// through the first, and the second answers what tpm2-tss asks of swtpm's control channel
// (here only CMD_SET_LOCALITY), with success.
func forward(t *testing.T, path string) string {
	var commands, control net.Listener
	for control == nil {
		var err error
		commands, err = net.Listen("tcp", "localhost:0")
		require.NoError(t, err)
		next := commands.Addr().(*net.TCPAddr).Port + 1
		if control, err = net.Listen("tcp",
			net.JoinHostPort("localhost", strconv.Itoa(next))); err != nil {
			require.NoError(t, commands.Close())
		}
	}
	serve := func(l net.Listener, do func(net.Conn)) {
		t.Cleanup(func() { assert.NoError(t, l.Close()) })
		go func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				go do(c)
			}
		}()
	}
	serve(commands, func(c net.Conn) {
		defer c.Close()
		m, err := net.Dial("unix", path)
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(m, c) // either end may hang up
			_ = m.Close()
		}()
		_, _ = io.Copy(c, m) // either end may hang up
	})
	serve(control, func(c net.Conn) {
		defer c.Close()
		request := make([]byte, 64)
		for _, err := c.Read(request); err == nil; _, err = c.Read(request) {
			if _, err := c.Write(make([]byte, 4)); err != nil {
				return
			}
		}
	})
	return strconv.Itoa(commands.Addr().(*net.TCPAddr).Port)
}

func BenchmarkSign(b *testing.B) {
	for name, unprotected := range map[string]bool{"plain": true, "authorized": false} {
		b.Run(name, func(b *testing.B) {
			_, r := newTPM(b)
			key, err := Create(b.Context(), r, answering("1234"), unprotected)
			require.NoError(b, err)
			digest := sha256.Sum256(nil)
			for b.Loop() {
				if _, err := key.Sign(nil, digest[:], crypto.SHA256); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
