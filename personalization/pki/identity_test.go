package pki

import (
	"io/fs"
	rand2 "math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

func seeded(seed byte) *rand2.ChaCha8 { return rand2.NewChaCha8([32]byte{seed}) }

func day(t *testing.T, text string) message.Date {
	t.Helper()
	d, err := message.ParseDate(text)
	require.NoError(t, err)
	return d
}

func subject(t *testing.T, holder cvc.Holder, role spec.Role) Subject {
	return Subject{holder, role, day(t, "2026-01-01"), day(t, "2030-12-31")}
}

func TestChainFromRootToDeskVerifiesAndIsFoundAgain(t *testing.T) {
	bank, nordic := Open(filepath.Join(t.TempDir(), "bank"), seeded(1)),
		Open(filepath.Join(t.TempDir(), "nordic"), seeded(2))
	root, err := bank.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	ca, err := nordic.Certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary), root)
	require.NoError(t, err)
	desk, err := nordic.Certified("desk", subject(t, "SENORDICDESK0001", spec.RoleDesk), ca)
	require.NoError(t, err)
	require.NoError(t, cvc.VerifyChain(day(t, "2027-06-01"), desk.Certificate, ca.Certificate,
		root.Certificate))

	again, err := nordic.Certified("desk", subject(t, "SENORDICDESK0001", spec.RoleDesk),
		Identity{})
	require.NoError(t, err, "the issuer is not asked again")
	assert.Equal(t, desk.Encoded, again.Encoded)
}

func TestCertifyRefusesWhatTheIssuerMayNot(t *testing.T) {
	folder := Open(t.TempDir(), seeded(1))
	root, err := folder.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	ca, err := folder.Certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary), root)
	require.NoError(t, err)
	cases := []struct {
		name   string
		issuer Identity
		who    Subject
	}{
		{"a device of another name", ca, subject(t, "SEFJORDB00000001", spec.RoleCard)},
		{"an instruction key by a CA", ca, subject(t, "SENORDIC00002", spec.RoleInstructionKey)},
		{"a card by the root", root, subject(t, "SENORDIC00000001", spec.RoleCard)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := folder.Certified("other", c.who, c.issuer)
			assert.ErrorIs(t, err, cvc.ErrIssuer)
			assert.NoFileExists(t, filepath.Join(folder.path, "other.cvc"))
		})
	}
}

func TestCutBetweenKeyAndCertificateIsMended(t *testing.T) {
	folder := Open(t.TempDir(), seeded(1))
	root, err := folder.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	key, err := folder.Key(t.Context(), "notary")
	require.NoError(t, err)
	notary, err := folder.Certified("notary", subject(t, "SENOTARY00001", spec.RoleNotary), root)
	require.NoError(t, err)
	assert.Equal(t, key.Public(), notary.Signer.Public())
}

func TestCertificateOfAnotherKeyIsRefused(t *testing.T) {
	folder := Open(t.TempDir(), seeded(1))
	root, err := folder.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	_, err = folder.Certified("notary", subject(t, "SENOTARY00001", spec.RoleNotary), root)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(folder.path, "notary.key")))
	_, err = folder.Certified("notary", subject(t, "SENOTARY00001", spec.RoleNotary), root)
	assert.ErrorIs(t, err, fs.ErrNotExist, "no key is made where there was one")
	_, err = folder.Key(t.Context(), "notary")
	require.NoError(t, err)
	_, err = folder.Certified("notary", subject(t, "SENOTARY00001", spec.RoleNotary), root)
	assert.ErrorContains(t, err, "belongs to the key")
}
