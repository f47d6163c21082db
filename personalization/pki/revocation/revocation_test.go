package revocation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

func testKey(t require.TestingT, scalar byte) *ecdsa.PrivateKey {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), scalar))
	require.NoError(t, err)
	return key
}

func certificate(
	t require.TestingT, holder cvc.Holder, role spec.Role, key *ecdsa.PrivateKey,
) *cvc.Certificate {
	from, err := message.ParseDate("2026-01-01")
	require.NoError(t, err)
	c := &cvc.Certificate{Authority: "SERIKSBK00001", PublicKey: &key.PublicKey, Holder: holder,
		Role: role, Effective: from, Expiry: from.AddDays(365)}
	require.NoError(t, c.Sign(testKey(t, 1)))
	return c
}

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestListOfCardVerifiableCertificates(t *testing.T) {
	rootKey := testKey(t, 1)
	root := certificate(t, "SERIKSBK00001", spec.RoleRoot, rootKey)
	issuer, err := Card(root)
	require.NoError(t, err)
	ca, other := certificate(t, "SENORDIC00001", spec.RoleIntermediary, testKey(t, 2)),
		certificate(t, "SEFJORDB00001", spec.RoleIntermediary, testKey(t, 3))
	revoked, err := CardSerial(ca)
	require.NoError(t, err)
	good, err := CardSerial(other)
	require.NoError(t, err)

	first, err := Extend(nil, []Entry{{revoked, CACompromise}}, issuer, rootKey, now,
		now.AddDate(0, 1, 0))
	require.NoError(t, err)
	second, err := Extend(first, []Entry{{revoked, Superseded}}, issuer, rootKey,
		now.Add(time.Hour), now.AddDate(0, 2, 0))
	require.NoError(t, err)
	for number, l := range map[int64]*List{1: first, 2: second} {
		again, err := Parse(l.Encoded)
		require.NoError(t, err)
		require.NoError(t, again.VerifyBy(issuer))
		assert.Equal(t, big.NewInt(number), again.Number)
		require.ErrorIs(t, again.Check(revoked), ErrRevoked)
		require.ErrorContains(t, again.Check(revoked), "cACompromise, since 2026-06-01",
			"the first reason stays")
		require.NoError(t, again.Check(good))
		assert.Len(t, again.RevokedCertificateEntries, 1)
	}
	require.NoError(t, second.Follows(first))
	require.NoError(t, first.Follows(nil))
	require.ErrorIs(t, first.Follows(second), ErrOlder)
	require.NoError(t, first.CheckTime(now))
	require.ErrorIs(t, first.CheckTime(now.AddDate(0, 1, 1)), ErrOutdated)

	for name, c := range map[string]*cvc.Certificate{
		"another name": certificate(t, "SERIKSBK00002", spec.RoleRoot, rootKey),
		"another key":  certificate(t, "SERIKSBK00001", spec.RoleRoot, testKey(t, 9)),
	} {
		stranger, err := Card(c)
		require.NoError(t, err)
		require.ErrorIs(t, first.VerifyBy(stranger), ErrIssuer, name)
	}
	block, _ := pem.Decode(first.Encoded)
	block.Bytes[len(block.Bytes)-1] ^= 1
	flipped, err := Parse(pem.EncodeToMemory(block))
	require.NoError(t, err)
	require.ErrorIs(t, flipped.VerifyBy(issuer), ErrIssuer)
}

// Whatever is revoked stays revoked, and the number grows by one.
func TestListsOnlyGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := testKey(t, 1)
		issuer, err := Card(certificate(t, "SERIKSBK00001", spec.RoleRoot, key))
		require.NoError(t, err)
		var last *List
		revoked := map[int64]bool{}
		for number := range int64(rapid.IntRange(1, 5).Draw(t, "lists")) {
			var entries []Entry
			for _, serial := range rapid.SliceOfDistinct(rapid.Int64Range(1, 9), rapid.ID).Draw(t,
				"serials") {
				entries = append(entries, Entry{big.NewInt(serial), KeyCompromise})
				revoked[serial] = true
			}
			next, err := Extend(last, entries, issuer, key, now, now.AddDate(0, 1, 0))
			require.NoError(t, err)
			require.NoError(t, next.Follows(last))
			require.Equal(t, number+1, next.Number.Int64())
			last = next
			for serial := range int64(10) {
				require.Equal(t, revoked[serial], last.Check(big.NewInt(serial)) != nil)
			}
		}
		require.Len(t, last.RevokedCertificateEntries, len(revoked))
	})
}

func TestReasons(t *testing.T) {
	for _, name := range Reasons() {
		r, err := ParseReason(name)
		require.NoError(t, err)
		assert.Equal(t, name, r.String())
	}
	_, err := ParseReason("lost")
	assert.ErrorContains(t, err, "keyCompromise")
	assert.Equal(t, "reason 9", Reason(9).String())
}

// FuzzParse: nothing that is not a list panics, and what parses has a number and an end.
func FuzzParse(f *testing.F) {
	key := testKey(f, 1)
	issuer, err := Card(certificate(f, "SERIKSBK00001", spec.RoleRoot, key))
	require.NoError(f, err)
	seed, err := Extend(nil, []Entry{{big.NewInt(7), KeyCompromise}}, issuer, key, now,
		now.AddDate(0, 1, 0))
	require.NoError(f, err)
	block, _ := pem.Decode(seed.Encoded)
	f.Add(block.Bytes)
	f.Fuzz(func(t *testing.T, der []byte) {
		l, err := Parse(pem.EncodeToMemory(&pem.Block{Type: Label, Bytes: der}))
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.Positive(t, l.Number.Sign())
		require.Equal(t, der, l.Raw)
	})
}
