package personalization_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	client "ekrona.example/applet/client"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/host/banking"
	"ekrona.example/personalization"
	"ekrona.example/personalization/issuertest"
)

// testIssuer puts its cards into readers.
type testIssuer struct{ *issuertest.Issuer }

func newTestIssuer(t *testing.T) *testIssuer { return &testIssuer{issuertest.New(t)} }

var errWithdrawn = errors.New("the card was pulled")

// reader is a virtual card in a reader that loses it at a chosen command.
type reader struct {
	*emulated.Card
	sent  int
	at    int  // command to be lost, from 1; 0 for none
	after bool // only its answer is lost
	write int  // instead, power goes before this persistent write of it
}

func (h *testIssuer) newReader(t issuertest.T) *reader { return &reader{Card: h.Blank(t)} }

func (r *reader) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	r.sent++
	if r.at == 0 || r.sent < r.at {
		return r.Card.Transmit(ctx, c)
	}
	if r.sent > r.at || r.write == 0 && !r.after {
		return apdu.Response{}, errWithdrawn
	}
	if r.write > 0 {
		r.CutBefore(r.write)
	}
	answer, err := r.Card.Transmit(ctx, c)
	if r.write > 0 && err == nil { // fewer writes than that: nothing was lost
		r.at = 0
		return answer, nil
	}
	return apdu.Response{}, errors.Join(errWithdrawn, err)
}

// insert puts the card into the reader, to be lost at a command.
func (r *reader) insert(t issuertest.T, at int, after bool, write int) {
	require.NoError(t, r.Reset())
	r.sent, r.at, r.after, r.write = 0, at, after, write
}

// stages keeps the stages it received, and checks that a stage is never followed by a lower
// one.
type stages struct {
	t        issuertest.T
	reported []personalization.Stage
}

func (s *stages) done(stage personalization.Stage) error {
	if n := len(s.reported); n > 0 {
		require.Greater(s.t, stage, s.reported[n-1])
	}
	s.reported = append(s.reported, stage)
	return nil
}

// check finds the card active, alone, with nothing beside it, and registered once.
func (h *testIssuer) check(
	t issuertest.T, ctx context.Context, r *reader, o personalization.Order, device banking.Device,
) {
	t.Helper()
	assert.Equal(t, o.Device, device.ID)
	assert.Equal(t, h.Notary.Devices[o.Device], device)
	r.insert(t, 0, false, 0)
	application := client.New(r)
	fci, err := application.Select(ctx)
	require.NoError(t, err)
	assert.Equal(t, spec.Active, fci.LifeCycle)
	require.NoError(t, application.Verify(ctx, issuertest.Secrets(t).PIN, client.PINTransport{}))
	certificate, err := application.Certificate(ctx)
	require.NoError(t, err)
	assert.Equal(t, device.Certificate, certificate)

	opened, err := globalplatform.Open(ctx, r, nil,
		scp03.Options{Keys: h.Line.Final, KeyVersion: personalization.FinalKeyVersion,
			Level: scp03.Full})
	require.NoError(t, err)
	contents, err := opened.List(ctx)
	require.NoError(t, err)
	assert.Len(t, contents.Applications, 1)
	assert.Len(t, contents.LoadFiles, 1)
	keys, err := globalplatform.Keys(ctx, opened.Card())
	require.NoError(t, err)
	for _, key := range keys {
		assert.Equal(t, byte(personalization.FinalKeyVersion), key.Version)
	}
}

func TestLineMakesABlankCardActive(t *testing.T) {
	h := newTestIssuer(t)
	r, o, s := h.newReader(t), h.Order(t), &stages{t: t}
	device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), s.done)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
	assert.Equal(t, []personalization.Stage{
		personalization.Inspected, personalization.KeysReplaced, personalization.Loaded,
		personalization.Installed,
		personalization.KeysMade, personalization.Registered, personalization.Filled,
		personalization.Active,
	}, s.reported)

	// The same order again finds it done.
	again := &stages{t: t}
	r.insert(t, 0, false, 0)
	known, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), again.done)
	require.NoError(t, err)
	assert.Equal(t, device, known)
	assert.Equal(t, personalization.Active, again.reported[len(again.reported)-1])
	assert.Len(t, h.Notary.Keys, 1)
}

// The link is lost before and after each command; the same order goes on.
func TestLineGoesOnAfterEveryCommand(t *testing.T) {
	h := newTestIssuer(t)
	r := h.newReader(t)
	var sent []apdu.Command
	_, err := h.Line.Issue(t.Context(),
		apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			sent = append(sent, c)
			return r.Transmit(ctx, c)
		}), h.Order(t), issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	require.Greater(t, len(sent), 20)
	for at := 1; at <= len(sent); at++ {
		if c := sent[at-1]; c.INS == gpc.InsLoad && c.P1 == 0 && c.P2 > 1 {
			continue // one block of many is as another
		}
		for _, after := range []bool{false, true} {
			r, o := h.newReader(t), h.Order(t)
			before := len(h.Notary.Keys)
			r.insert(t, at, after, 0)
			_, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), (&stages{t: t}).done)
			require.ErrorIs(t, err, errWithdrawn, "command %d", at)
			r.insert(t, 0, false, 0)
			device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t),
				(&stages{t: t}).done)
			require.NoError(t, err, "command %d, answer lost: %v", at, after)
			h.check(t, t.Context(), r, o, device)
			assert.Len(t, h.Notary.Keys, before+1)
		}
	}
}

// Power fails at any write of any command, again and again.
func TestLineGoesOnAfterPowerCuts(t *testing.T) {
	h := newTestIssuer(t)
	rapid.Check(t, func(t *rapid.T) {
		r, o := h.newReader(t), h.Order(t)
		before := len(h.Notary.Keys)
		for range rapid.IntRange(1, 5).Draw(t, "cuts") {
			r.insert(t, rapid.IntRange(1, 100).Draw(t, "command"), false,
				rapid.IntRange(1, 12).Draw(t, "write"))
			device, err := h.Line.Issue(context.Background(), r, o, issuertest.Secrets(t),
				(&stages{t: t}).done)
			if err == nil {
				require.Equal(t, o.Device, device.ID)
				continue
			}
			require.ErrorIs(t, err, errWithdrawn)
		}
		r.insert(t, 0, false, 0)
		device, err := h.Line.Issue(context.Background(), r, o, issuertest.Secrets(t),
			(&stages{t: t}).done)
		require.NoError(t, err)
		h.check(t, context.Background(), r, o, device)
		assert.Len(t, h.Notary.Keys, before+1)
	})
}
