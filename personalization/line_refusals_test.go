package personalization_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"encoding/asn1"
	"io"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization"
	"ekrona.example/personalization/issuertest"
)

func anyStage(personalization.Stage) error { return nil }

// cutAt issues an order until its stage, where the card is pulled.
func (h *testIssuer) cutAt(
	t *testing.T, r *reader, o personalization.Order, at personalization.Stage,
) {
	t.Helper()
	r.insert(t, 0, false, 0)
	_, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t),
		func(stage personalization.Stage) error {
			if stage == at {
				return errWithdrawn
			}
			return nil
		})
	require.ErrorIs(t, err, errWithdrawn)
	r.insert(t, 0, false, 0)
}

// A card that was started or made for another order is refused, and stays what it was.
func TestAnotherOrdersCardIsRefused(t *testing.T) {
	for _, at := range []personalization.Stage{personalization.Installed, personalization.KeysMade,
		personalization.Registered} {
		h := newTestIssuer(t)
		r, theirs, mine := h.newReader(t), h.Order(t), h.Order(t)
		h.cutAt(t, r, theirs, at)
		_, err := h.Line.Issue(t.Context(), r, mine, issuertest.Secrets(t), anyStage)
		require.ErrorIs(t, err, personalization.ErrOtherCard, at)
		assert.NotContains(t, h.Notary.Devices, mine.Device)
		r.insert(t, 0, false, 0)
		device, err := h.Line.Issue(t.Context(), r, theirs, issuertest.Secrets(t), anyStage)
		require.NoError(t, err)
		h.check(t, t.Context(), r, theirs, device)

		// Now it is active, and no flag gives it to another.
		h.Line.DeleteApplet = true
		r.insert(t, 0, false, 0)
		_, err = h.Line.Issue(t.Context(), r, mine, issuertest.Secrets(t), anyStage)
		require.ErrorIs(t, err, personalization.ErrOtherCard)
		// Nor does another registered card's order take it for its own, or cost its PIN a try.
		other := h.newReader(t)
		_, err = h.Line.Issue(t.Context(), other, mine, issuertest.Secrets(t), anyStage)
		require.NoError(t, err)
		for range 4 {
			r.insert(t, 0, false, 0)
			_, err = h.Line.Issue(t.Context(), r, mine, issuertest.Secrets(t), anyStage)
			require.Error(t, err)
		}
		h.check(t, t.Context(), r, theirs, device)
	}
}

// With the flag an applet that is not active makes room.
func TestDeleteApplet(t *testing.T) {
	h := newTestIssuer(t)
	r, theirs, mine := h.newReader(t), h.Order(t), h.Order(t)
	h.cutAt(t, r, theirs, personalization.KeysMade)
	h.Line.DeleteApplet = true
	device, err := h.Line.Issue(t.Context(), r, mine, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, mine, device)
	assert.NotContains(t, h.Notary.Devices, theirs.Device)
}

// A device id is registered for one key: when its card's applet is gone, it cannot be
// made again.
func TestARegisteredIDGetsNoSecondKey(t *testing.T) {
	h := newTestIssuer(t)
	first, second, o := h.newReader(t), h.newReader(t), h.Order(t)
	device, err := h.Line.Issue(t.Context(), first, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	_, err = h.Line.Issue(t.Context(), second, o, issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, personalization.ErrOtherKey)
	assert.Equal(t, device, h.Notary.Devices[o.Device])
	assert.Len(t, h.Notary.Keys, 1)
}

// With wrong keys nothing goes out that costs a try, whichever version the card has.
func TestWrongKeysStopBeforeTheyCost(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	wrong := h.Line
	wrong.Keys = scp03.Master(bytes.Repeat([]byte{1}, 16))
	lost := h.Line
	lost.Final = scp03.Master(bytes.Repeat([]byte{2}, 16))
	for _, line := range []personalization.Line{wrong, lost} {
		watched := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			require.NotEqual(t, byte(gpc.InsExternalAuthenticate), c.INS)
			return r.Transmit(ctx, c)
		})
		_, err := line.Issue(t.Context(), watched, o, issuertest.Secrets(t), anyStage)
		require.ErrorIs(t, err, scp03.ErrWrongKeys)
		h.cutAt(t, r, o, personalization.KeysReplaced)
	}
}

// Initial keys of a numbered version are replaced by name, by keys of their length.
func TestNumberedInitialKeysEnd(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	opened, err := globalplatform.Open(t.Context(), r, nil,
		scp03.Options{Keys: scp03.TestKeys(), Level: scp03.Full})
	require.NoError(t, err)
	suppliers := scp03.Master(bytes.Repeat([]byte{7}, 16))
	keys, err := suppliers.For(opened.Offer())
	require.NoError(t, err)
	require.NoError(t, opened.PutKeys(t.Context(), 1, keys, 0))
	h.Line.Keys = suppliers

	longer := h.Line
	longer.Final = scp03.Master(bytes.Repeat([]byte{0x5A}, 32))
	_, err = longer.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.ErrorContains(t, err, "key set 01 can only be replaced by keys of its own length, "+
		"128 bits, and the new ones have 256")

	device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
}

// A card that does not list its keys names at INITIALIZE UPDATE which it uses.
func TestUntoldKeyVersions(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	silent := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if c.INS == gpc.InsGetData && c.P2 == byte(gpc.TagKeyTemplate) {
			return apdu.Response{SW: apdu.SWNotFound}, nil
		}
		return r.Transmit(ctx, c)
	})
	for _, at := range []personalization.Stage{personalization.KeysReplaced,
		personalization.Installed, personalization.Filled} {
		_, err := h.Line.Issue(t.Context(), silent, o, issuertest.Secrets(t),
			func(stage personalization.Stage) error {
				if stage == at {
					return errWithdrawn
				}
				return nil
			})
		require.ErrorIs(t, err, errWithdrawn)
		r.insert(t, 0, false, 0)
	}
	device, err := h.Line.Issue(t.Context(), silent, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
}

// SECURED is reached once, from wherever the card is; a locked card is left alone.
func TestSecure(t *testing.T) {
	h := newTestIssuer(t)
	h.Line.Secure = true
	r, o := h.newReader(t), h.Order(t)
	h.cutAt(t, r, o, personalization.Installed)
	h.cutAt(t, r, o, personalization.Secured)
	h.cutAt(t, r, o, personalization.KeysMade)
	device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
	opened, err := h.Line.Open(t.Context(), r)
	require.NoError(t, err)
	contents, err := opened.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, gpc.Secured, contents.Domain.LifeCycle)

	require.NoError(t, opened.SetCardStatus(t.Context(), gpc.CardLocked))
	_, err = h.Line.Issue(t.Context(), r, h.Order(t), issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, apdu.SWDeactivated)
}

// A locked applet is not taken for none.
func TestAppletThatCannotBeSelected(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	h.cutAt(t, r, o, personalization.Installed)
	opened, err := h.Line.Open(t.Context(), r)
	require.NoError(t, err)
	_, err = opened.Card().Transmit(t.Context(), apdu.Command{
		CLA: gpc.ClassPlain, INS: gpc.InsSetStatus, P1: gpc.StatusApplications,
		P2: byte(gpc.LockedBit | gpc.Selectable), Data: []byte(spec.AppletAID),
	})
	require.NoError(t, err)
	_, err = h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, personalization.ErrOtherApplet)
	assert.ErrorContains(t, err, "unlock it")
}

// wrongSigner is a signer whose signatures of the same are never the same twice in a row, as
// an HSM's are: with (r, s), (r, n-s) is one too.
type wrongSigner struct {
	crypto.Signer
	turn *int
}

func (u wrongSigner) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	der, err := u.Signer.Sign(random, digest, o)
	if *u.turn++; err != nil || *u.turn%2 == 0 {
		return der, err
	}
	var signature struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &signature); err != nil {
		return nil, err
	}
	signature.S.Sub(elliptic.P256().Params().N, signature.S)
	return asn1.Marshal(signature)
}

// A card whose certificate was signed again after a cut still has the one that is
// registered.
func TestACardHasTheCertificateThatIsRegistered(t *testing.T) {
	h := newTestIssuer(t)
	h.Line.CA.Signer = wrongSigner{h.Line.CA.Signer, new(int)}
	r, o := h.newReader(t), h.Order(t)
	h.cutAt(t, r, o, personalization.Filled)
	h.cutAt(t, r, o, personalization.Registered)
	h.cutAt(t, r, o, personalization.Registered)
	h.cutAt(t, r, o, personalization.Active)
	device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
}

// A card that opens with its former keys too is not continued.
func TestFormerKeysHaveToEnd(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	keeping, err := gpc.AppendKeyTemplate(nil, []gpc.KeyInfo{
		{ID: 1, Version: personalization.FinalKeyVersion, Type: gpc.KeyTypeAES, Length: 16},
		{ID: 1, Version: gpc.InitialKeySet, Type: gpc.KeyTypeAES, Length: 16},
	})
	require.NoError(t, err)
	line := h.Line
	line.Watch = func(channel apdu.Card) apdu.Card {
		return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			if c.INS == gpc.InsGetData {
				return apdu.Response{Data: keeping, SW: apdu.OK}, nil
			}
			return channel.Transmit(ctx, c)
		})
	}
	_, err = line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, personalization.ErrKeysLeft)
	r.insert(t, 0, false, 0)
	listing := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if c.INS == gpc.InsGetData {
			return apdu.Response{Data: keeping, SW: apdu.OK}, nil
		}
		return r.Transmit(ctx, c)
	})
	_, err = h.Line.Issue(t.Context(), listing, o, issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, personalization.ErrKeysLeft, "nor later")
	_, err = h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
}
