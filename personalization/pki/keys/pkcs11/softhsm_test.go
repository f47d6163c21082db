//go:build cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/signature"
	"ekrona.example/personalization/pki/keys/secret"
)

// libraries are where Debian and Fedora put SoftHSM 2.
var libraries = []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so",
	"/usr/lib64/pkcs11/libsofthsm2.so"}

// NewToken makes a token of SoftHSM with the PIN 4711 and names a key of it that is
// not there yet. It needs SoftHSM 2 (on Debian: apt-get install softhsm2); without it
// the test is skipped, unless EKRONA_REQUIRE_SOFTHSM=1 demands it.
func NewToken(t testing.TB, labels ...string) URI {
	t.Helper()
	for _, library := range libraries {
		if _, err := os.Stat(library); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		folder := t.TempDir()
		configuration := filepath.Join(folder, "softhsm2.conf")
		require.NoError(t, os.WriteFile(configuration,
			[]byte("directories.tokendir = "+folder+"\nobjectstore.backend = file\n"), 0o600))
		t.Setenv("SOFTHSM2_CONF", configuration)
		for _, label := range append(labels, "central bank") {
			out, err := exec.CommandContext(t.Context(), "softhsm2-util", "--init-token", "--free",
				"--label", label, "--pin", "4711", "--so-pin", "0815").CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		return URI{Token: "central bank", Object: "root", ModulePath: library}
	}
	if os.Getenv("EKRONA_REQUIRE_SOFTHSM") != "" {
		t.Fatal("SoftHSM 2 is not there: apt-get install softhsm2")
	}
	t.Skip("needs SoftHSM 2")
	return URI{}
}

func answering(text string) secret.Source {
	return func(context.Context, secret.Request) ([]byte, error) { return []byte(text), nil }
}

var rightPIN = answering("4711")

func requireSigns(t testing.TB, key crypto.Signer) {
	t.Helper()
	signed, err := signature.Sign(key, []byte("a message"))
	require.NoError(t, err)
	require.NoError(t, signed.Verify(key.Public().(*ecdsa.PublicKey), []byte("a message")))
}

func TestKeyIsMadeOnceAndFoundAgain(t *testing.T) {
	u := NewToken(t)
	_, err := Open(t.Context(), u, rightPIN)
	require.ErrorIs(t, err, fs.ErrNotExist)
	made, err := Create(t.Context(), u, rightPIN)
	require.NoError(t, err)
	requireSigns(t, made)
	_, err = Create(t.Context(), u, rightPIN)
	require.ErrorIs(t, err, fs.ErrExist)
	require.NoError(t, made.Close())
	require.NoError(t, made.Close(), "closed twice is closed")
	digest := sha256.Sum256(nil)
	_, err = made.Sign(nil, digest[:], crypto.SHA256)
	require.ErrorIs(t, err, ErrKey)
	require.Empty(t, modules.open, "the library is let go of")

	pin := filepath.Join(t.TempDir(), "pin")
	require.NoError(t, os.WriteFile(pin, []byte("4711\n"), 0o600))
	u.PINSource = pin
	found, err := Open(t.Context(), u, nil)
	require.NoError(t, err)
	assert.Equal(t, made.Public(), found.Public())
	requireSigns(t, found)
	require.NoError(t, found.Close())
}

func TestKeyCannotBeTakenOut(t *testing.T) {
	u := NewToken(t)
	key, err := Create(t.Context(), u, rightPIN)
	require.NoError(t, err)
	defer key.Close()
	value, err := key.session.GetAttributeValue(key.session.handle, key.private,
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
	require.True(t, isCode(err, pkcs11.CKR_ATTRIBUTE_SENSITIVE), "%v %v", value, err)
	attributes, err := key.session.GetAttributeValue(key.session.handle, key.private,
		[]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_NEVER_EXTRACTABLE, nil),
			pkcs11.NewAttribute(pkcs11.CKA_ALWAYS_SENSITIVE, nil),
		})
	require.NoError(t, err)
	for _, a := range attributes {
		assert.True(t, isTrue(a.Value))
	}
}

func TestKeyThatCanBeTakenOutIsRefused(t *testing.T) {
	u := NewToken(t)
	s, err := login(t.Context(), u, rightPIN, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	require.NoError(t, err)
	label := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.Object)}
	_, _, err = s.GenerateKeyPair(s.handle,
		[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		append(label, pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, oidP256)),
		append(label, pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SIGN, true)))
	require.NoError(t, err)
	require.NoError(t, s.close())
	_, err = Open(t.Context(), u, rightPIN)
	require.ErrorContains(t, err, "can be taken out")
}

func TestPublicKeyOfAnotherIsFoundOut(t *testing.T) {
	u := NewToken(t)
	u.ID = []byte{1}
	mine, err := Create(t.Context(), u, rightPIN)
	require.NoError(t, err)
	other := u
	other.ID, other.Object = []byte{2}, "other"
	their, err := Create(t.Context(), other, rightPIN)
	require.NoError(t, err)
	s, err := login(t.Context(), u, rightPIN, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	require.NoError(t, err)
	own, err := s.find(pkcs11.CKO_PUBLIC_KEY, u)
	require.NoError(t, err)
	require.NoError(t, s.DestroyObject(s.handle, own[0]))
	_, err = Open(t.Context(), u, rightPIN)
	require.ErrorContains(t, err, "0 public keys")
	swapped, err := s.find(pkcs11.CKO_PUBLIC_KEY, other)
	require.NoError(t, err)
	require.NoError(t, s.SetAttributeValue(s.handle, swapped[0], []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_ID, u.ID), pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.Object),
	}))
	_, err = Open(t.Context(), u, rightPIN)
	require.ErrorContains(t, err, "that of another")
	require.NoError(t, errors.Join(s.close(), mine.Close(), their.Close()))
}

func TestTokensAndPINs(t *testing.T) {
	u := NewToken(t, "twin", "twin")
	_, err := Open(t.Context(), u, answering("1234"))
	require.ErrorIs(t, err, secret.ErrWrong)
	assert.NotContains(t, err.Error(), "1234")
	_, err = Open(t.Context(), u, nil)
	require.ErrorIs(t, err, secret.ErrNone)

	for name, row := range map[string]struct {
		change func(*URI)
		want   error
	}{
		"no such token": {func(u *URI) { u.Token = "other" }, ErrToken},
		"two of a name": {func(u *URI) { u.Token = "twin" }, ErrToken},
		"no library": {func(u *URI) { u.ModulePath = filepath.Join(t.TempDir(), "none.so") },
			ErrModule},
	} {
		t.Run(name, func(t *testing.T) {
			changed := u
			row.change(&changed)
			_, err := Create(t.Context(), changed, rightPIN)
			require.ErrorIs(t, err, row.want)
			require.NotErrorIs(t, err, fs.ErrNotExist, "the key is not what is missing")
		})
	}
}

func TestSeveralGoroutinesSign(t *testing.T) {
	key, err := Create(t.Context(), NewToken(t), rightPIN)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			signed, err := signature.Sign(key, []byte("m"))
			if assert.NoError(t, err) {
				assert.NoError(t, signed.Verify(key.public, []byte("m")))
			}
		})
	}
	all.Wait()
	require.NoError(t, key.Close())
}

func BenchmarkSign(b *testing.B) {
	key, err := Create(b.Context(), NewToken(b), rightPIN)
	require.NoError(b, err)
	digest := sha256.Sum256(nil)
	for b.Loop() {
		if _, err := key.Sign(nil, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}
