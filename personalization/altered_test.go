package personalization_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
	client "ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/personalization"
	"ekrona.example/personalization/issuertest"
)

// halfway is a register that keeps a device, and whose link to the notary is down.
type halfway struct {
	*issuertest.Notary
	down bool
}

var errDown = errors.New("the link is down")

func (h *halfway) AddDevice(ctx context.Context, d banking.Device) error {
	if err := h.Notary.AddDevice(ctx, d); err != nil || h.down {
		return errors.Join(err, errDown)
	}
	return nil
}

// TestNoCardIsActiveBeforeItIsRegistered: ACTIVATE takes no key, and a command that is altered on
// its way can be one.
func TestNoCardIsActiveBeforeItIsRegistered(t *testing.T) {
	h := newTestIssuer(t)
	register := &halfway{Notary: h.Notary, down: true}
	h.Line.Registry = register
	r, o := h.newReader(t), h.Order(t)
	r.insert(t, 0, false, 0)
	_, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, errDown)
	r.insert(t, 0, false, 0)
	application := client.New(r)
	_, err = application.Select(t.Context())
	require.NoError(t, err)
	require.True(t, client.Is(application.Activate(t.Context()), spec.SWConditions))

	register.down = false
	r.insert(t, 0, false, 0)
	device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
}

// TestCardIsNotActiveBecauseItSaysYes: an answer does not show what the card was asked.
func TestCardIsNotActiveBecauseItSaysYes(t *testing.T) {
	h := newTestIssuer(t)
	r, o := h.newReader(t), h.Order(t)
	r.insert(t, 0, false, 0)
	_, err := h.Line.Issue(t.Context(), attack.KeysForActivation.Holding(r), o,
		issuertest.Secrets(t), anyStage)
	require.ErrorIs(t, err, personalization.ErrNotActive)
	r.insert(t, 0, false, 0)
	device, err := h.Line.Issue(t.Context(), r, o, issuertest.Secrets(t), anyStage)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
}
