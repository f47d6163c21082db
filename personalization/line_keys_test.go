package personalization_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/personalization"
	"ekrona.example/personalization/issuertest"
)

// suppliersAt gives the reader's card a supplier's keys under a version.
func suppliersAt(t *testing.T, r *reader, version byte) scp03.KeySource {
	t.Helper()
	suppliers := scp03.Master(bytes.Repeat([]byte{7}, 16))
	opened, err := globalplatform.Open(
		t.Context(),
		r,
		nil,
		scp03.Options{Keys: scp03.TestKeys(), Level: scp03.Full},
	)
	require.NoError(t, err)
	keys, err := suppliers.For(opened.Offer())
	require.NoError(t, err)
	require.NoError(t, opened.PutKeys(t.Context(), version, keys, 0))
	return suppliers
}

// A supplier's keys may have the version that ours get: what fits the card is used, and
// replaced, also when the issuing is cut at any stage of it.
func TestSuppliersKeysWithTheVersionOfOurs(t *testing.T) {
	for _, at := range []personalization.Stage{0, personalization.KeysReplaced,
		personalization.Loaded, personalization.Installed, personalization.Filled} {
		h := newTestIssuer(t)
		r, o := h.newReader(t), h.Order(t)
		h.Line.Keys = suppliersAt(t, r, personalization.FinalKeyVersion)
		if at != 0 {
			h.cutAt(t, r, o, at)
		}
		device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
		require.NoError(t, err, at)
		h.check(t, t.Context(), r, o, device)
	}
}

// A card that was started without new keys gets them when the same order names some: that
// keys of their version are there does not make them ours.
func TestKeysThatAreNamedLaterAreReplacedToo(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	h.Line.Keys = suppliersAt(t, r, personalization.FinalKeyVersion)
	final := h.Line.Final
	h.Line.Final = nil
	h.cutAt(t, r, o, personalization.KeysMade)
	h.Line.Final = final
	device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
}

// However many key sets are compared, one INITIALIZE UPDATE goes out, nothing that costs
// a try, and the error names what was tried.
func TestKeysAreComparedOnOneAnswer(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	suppliersAt(t, r, personalization.FinalKeyVersion)
	sent := map[byte]int{}
	watched := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		sent[c.INS]++
		return r.Transmit(ctx, c)
	})
	_, err := h.Line.Issue(t.Context(), watched, o, issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, scp03.ErrWrongKeys)
	assert.ErrorContains(
		t,
		err,
		"the keys that cards get and those that they come with were both tried",
	)
	assert.Equal(t, 1, sent[gpc.InsInitializeUpdate])
	assert.Zero(t, sent[gpc.InsExternalAuthenticate])
}

// The error of a card that opens no channel does not blame the keys or their supplier.
func TestCardThatBeginsNoChannel(t *testing.T) {
	for _, sw := range []apdu.StatusWord{apdu.SWSecurity, apdu.SWBlocked} {
		h := newTestIssuer(t)
		r := h.newReader(t)
		refusing := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			if c.INS == gpc.InsInitializeUpdate {
				return apdu.Response{SW: sw}, nil
			}
			return r.Transmit(ctx, c)
		})
		_, err := h.Line.Open(t.Context(), refusing)
		require.ErrorIs(t, err, scp03.ErrNotBegun)
		require.ErrorIs(t, err, sw)
		assert.NotErrorIs(t, err, scp03.ErrWrongKeys)
	}
}
