//go:build cgo

package pkcs11_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
	"ekrona.example/personalization/pki/keys/pkcs11"
)

// A party's folder works the same with a key in an HSM: the root of a central bank.
func TestFolderWithAKeyInAnHSM(t *testing.T) {
	token := pkcs11.NewToken(t)
	token.PINSource = filepath.Join(t.TempDir(), "pin")
	require.NoError(t, os.WriteFile(token.PINSource, []byte("4711\n"), 0o600))
	f := pki.Open(t.TempDir(), rand.Reader)
	require.NoError(t, f.Refer("root", token.String()))
	from, err := message.ParseDate("2026-01-01")
	require.NoError(t, err)
	root, err := f.Root("root", pki.Subject{Holder: "SERIKSBK00001", Role: spec.RoleRoot,
		Effective: from, Expiry: from.AddDays(365)})
	require.NoError(t, err)
	require.NoError(t, root.Certificate.VerifyBy(root.Certificate))
	notary, err := f.Certified("notary", pki.Subject{Holder: "SENOTARY00001", Role: spec.RoleNotary,
		Effective: from, Expiry: from.AddDays(365)}, root)
	require.NoError(t, err)
	require.NoError(t, notary.Certificate.VerifyBy(root.Certificate))
	require.NoError(t, root.Close())
	found, err := f.Check(t.Context(), from.Time())
	require.NoError(t, err)
	for _, finding := range found {
		assert.Equal(t, pki.Matches, finding.Key)
		assert.Empty(t, finding.Problem)
	}
	key, err := keys.Open(t.Context(), token.String(), keys.Options{})
	require.NoError(t, err)
	assert.Equal(t, root.Certificate.PublicKey, key.Public())
	require.NoError(t, key.Close())
}
