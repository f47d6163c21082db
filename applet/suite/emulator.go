package suite

import (
	"context"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/applet"
	"ekrona/emulator/card"
)

// Emulator is the committed CAP file on the emulator: a [Cutter].
type Emulator struct {
	profile card.Profile
	card    *card.Card
}

// NewEmulator makes a target whose cards have that profile.
func NewEmulator(profile card.Profile) *Emulator { return &Emulator{profile: profile} }

// Install implements [Target].
func (e *Emulator) Install(_ context.Context, parameters []byte) (apdu.Card, error) {
	fresh, err := card.New(card.Options{Profile: e.profile, Interface: card.Contactless})
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

// Reset implements [Target].
func (e *Emulator) Reset(context.Context) error {
	e.card.Reset()
	return nil
}

// Capabilities implements [Target]. The emulator diverges nowhere.
func (e *Emulator) Capabilities() Capabilities {
	return Capabilities{ShortOnly: !e.profile.ExtendedLength}
}

// Cut implements [Cutter].
func (e *Emulator) Cut(n int) { e.card.CutBefore(n) }
