package personalization_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/personalization"
	"ekrona.example/personalization/issuertest"
)

// Whatever the issuer has that cards will refuse is found without a card, all at once.
func TestIssuerIsCheckedWithoutACard(t *testing.T) {
	today := issuertest.Date(t, "2026-11-22")
	good := issuertest.New(t).Line.Issuer
	require.NoError(t, good.Check(today))
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, row := range map[string]struct {
		corrupt func(i *personalization.Issuer)
		want    []string
	}{
		"past": {func(i *personalization.Issuer) { i.Expiry = today.AddDays(-1) },
			[]string{"2026-11-21, is past"}},
		"before its first": {func(i *personalization.Issuer) { i.Effective = i.Expiry.AddDays(1) },
			[]string{"is before their first"}},
		"after the CA's": {func(i *personalization.Issuer) {
			i.Expiry = issuertest.Date(t,
				"2036-11-23")
		}, []string{"is after that of their CA SENORDIC00001, 2036-11-22"}},
		"no root": {func(i *personalization.Issuer) { i.Root = i.Root[1:] },
			[]string{"root certificate"}},
		"changed places": {func(i *personalization.Issuer) {
			i.Notary,
				i.InstructionKey = i.InstructionKey, i.Notary
		}, []string{"instruction key's certificate: SENOTARY00001 is a",
			"notary's certificate: SENORDIC00002 is a"}},
		"CA's other key": {func(i *personalization.Issuer) { i.CA.Signer = another },
			[]string{"the CA's key is not that of the certificate"}},
		"another's root": {func(i *personalization.Issuer) { i.Root = i.CA.Encoded },
			[]string{"CA's certificate", "instruction key's certificate", "notary's certificate"}},
		"expired authority": {func(*personalization.Issuer) {}, nil},
	} {
		issuer := good
		row.corrupt(&issuer)
		day := today
		if row.want == nil {
			day, row.want = issuertest.Date(
				t,
				"2036-11-23",
			), []string{
				"root certificate",
				"CA's certificate",
				"instruction key's certificate",
				"notary's certificate",
			}
		}
		err := issuer.Check(day)
		var fault *personalization.IssuerFault
		require.ErrorAs(t, err, &fault, name)
		for _, want := range row.want {
			assert.ErrorContains(t, err, want, name)
		}
	}
}

// A line whose issuer cannot make cards changes nothing on one.
func TestFaultOfTheIssuerTouchesNoCard(t *testing.T) {
	h := newTestIssuer(t)
	h.Line.Expiry = h.Line.CA.Certificate.Expiry.AddDays(1)
	r, o := h.newReader(t), h.Order(t)
	looking := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		require.Contains(t, []byte{gpc.InsSelect, gpc.InsGetData}, c.INS)
		return r.Transmit(ctx, c)
	})
	_, err := h.Line.Issue(t.Context(), looking, o, issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, personalization.ErrExpiry)
}

// A renewal does not outlive the CA either.
func TestRenewalBeyondTheCA(t *testing.T) {
	h := newTestIssuer(t)
	o := h.Order(t)
	device, err := h.Line.Issue(t.Context(), h.newReader(t), o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.Line.Expiry = h.Line.CA.Certificate.Expiry.AddDays(1)
	_, err = h.Line.Renew(t.Context(), o.Device)
	var fault *personalization.IssuerFault
	require.ErrorAs(t, err, &fault)
	require.ErrorContains(t, err, "after its signer SENORDIC00001")
	assert.Equal(t, device, h.Notary.Devices[o.Device])
}
