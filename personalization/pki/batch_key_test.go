package pki

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization/pki/keys"
)

const batchID = message.DeviceID("SENORDICB0000001")

func batchCA(t *testing.T) (Folder, Identity, Identity) {
	folder := Open(t.TempDir(), seeded(1))
	root, err := folder.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	ca, err := folder.Certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary), root)
	require.NoError(t, err)
	return folder, root, ca
}

func TestABatchKeyIsMadeOnceAndFoundAgain(t *testing.T) {
	folder, _, ca := batchCA(t)
	batches := folder.Batches(ca)
	var all sync.WaitGroup
	made := make([]BatchKey, 4)
	for i := range made {
		all.Go(func() {
			key, err := batches.BatchKey(t.Context(), batchID)
			assert.NoError(t, err)
			made[i] = key
		})
	}
	all.Wait()
	for _, key := range made {
		assert.Equal(t, made[0], key)
	}
	again, err := folder.Batches(ca).BatchKey(t.Context(), batchID)
	require.NoError(t, err)
	assert.Equal(t, made[0].Encoded, again.Encoded)
	assert.True(t, again.Private.Equal(made[0].Private))

	certificate, err := cvc.Parse(again.Encoded)
	require.NoError(t, err)
	require.NoError(t, certificate.VerifyBy(ca.Certificate))
	assert.Equal(t, spec.RoleBatch, certificate.Role)
	assert.Empty(t, certificate.Device(), "a batch is no device")
	assert.Equal(t, ca.Certificate.Expiry, certificate.Expiry)
	assert.True(t, again.Private.PublicKey.Equal(certificate.PublicKey))
	info, err := os.Stat(folder.Path("batch-b0000001", keyFile))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	other, err := batches.BatchKey(t.Context(), "SENORDICB0000002")
	require.NoError(t, err)
	assert.False(t, other.Private.Equal(again.Private))
	_, err = batches.BatchKey(t.Context(), "SEFJORDBB0000003")
	assert.ErrorIs(t, err, cvc.ErrIssuer)
	assert.NoFileExists(t, folder.Path("batch-b0000003", keyFile))
}

func TestABatchIsCertifiedAnewWithItsCA(t *testing.T) {
	folder, root, ca := batchCA(t)
	first, err := folder.Batches(ca).BatchKey(t.Context(), batchID)
	require.NoError(t, err)
	renewed, err := Open(t.TempDir(), seeded(2)).Root("root",
		Subject{"SERIKSBK00001", spec.RoleRoot, day(t, "2026-01-01"), day(t, "2040-12-31")})
	require.NoError(t, err)
	renewed.Signer = root.Signer
	later := subject(t, "SENORDIC00001", spec.RoleIntermediary)
	later.Expiry = day(t, "2034-12-31")
	encoded, err := renewed.Certify(later, ca.Certificate.PublicKey)
	require.NoError(t, err)
	former := ca
	ca.Encoded = encoded
	ca.Certificate, err = cvc.Parse(encoded)
	require.NoError(t, err)
	second, err := folder.Batches(ca).BatchKey(t.Context(), batchID)
	require.NoError(t, err)
	assert.True(t, second.Private.Equal(first.Private), "the key stays")
	certificate, err := cvc.Parse(second.Encoded)
	require.NoError(t, err)
	assert.Equal(t, later.Expiry, certificate.Expiry)
	kept, err := folder.ReadCertificate("batch-b0000001")
	require.NoError(t, err)
	assert.Equal(t, second.Encoded, kept.Encoded)

	// All of them at once, whichever were opened before.
	other := message.DeviceID("SENORDICB0000002")
	_, err = folder.Batches(former).BatchKey(t.Context(), other)
	require.NoError(t, err)
	names, err := folder.Batches(ca).Renew(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []message.DeviceID{other}, names)
	names, err = folder.Batches(ca).Renew(t.Context())
	require.NoError(t, err)
	assert.Empty(t, names)
	present, err := folder.BatchCertificate(other)
	require.NoError(t, err)
	ofOther, err := cvc.Parse(present)
	require.NoError(t, err)
	assert.Equal(t, later.Expiry, ofOther.Expiry)
	present, err = folder.BatchCertificate("SENORDICB0000009")
	require.NoError(t, err)
	assert.Nil(t, present)
}

func TestABatchKeyThatCannotGoIntoCards(t *testing.T) {
	_, _, ca := batchCA(t)
	_, err := keys.Private(ca.Signer)
	require.NoError(t, err)
	_, err = keys.Private(nil)
	assert.ErrorIs(t, err, keys.ErrElsewhere)
}
