package suite

import (
	"context"
	"testing"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/applet"
	"ekrona/emulator/card"
)

// onEmulator is the committed CAP file on the emulator.
type onEmulator struct {
	profile card.Profile
	card    *card.Card
}

func (e *onEmulator) Install(_ context.Context, parameters []byte) (apdu.Card, error) {
	fresh, err := card.New(card.Options{Profile: e.profile})
	if err != nil {
		return nil, err
	}
	if _, err := fresh.Load(applet.CAP); err != nil {
		return nil, err
	}
	if _, err := fresh.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID), parameters); err != nil {
		return nil, err
	}
	e.card = fresh
	return fresh, nil
}

func (e *onEmulator) Reset(context.Context) error {
	e.card.Reset()
	return nil
}

func (e *onEmulator) Capabilities() Capabilities {
	return Capabilities{ShortOnly: !e.profile.ExtendedLength}
}

func (e *onEmulator) Cut(n int) { e.card.CutBefore(n) }

func (e *onEmulator) Writes() int { return e.card.LastCommand().Writes }

func TestOnEmulator(t *testing.T) {
	for _, profile := range card.Profiles() {
		t.Run(profile.Name, func(t *testing.T) { Run(t, &onEmulator{profile: profile}) })
	}
}

func TestTornOnEmulator(t *testing.T) {
	for _, profile := range []card.Profile{card.P71, card.P71Short} {
		t.Run(profile.Name, func(t *testing.T) { RunTorn(t, &onEmulator{profile: profile}) })
	}
}
