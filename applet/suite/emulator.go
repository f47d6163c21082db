package suite

import (
	"context"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/applet"
	"ekrona/emulator/card"
	"ekrona/emulator/vm"
)

// Emulator is the committed CAP file, or a change of it, on the emulator: a
// [Cutter] and a [Glass].
type Emulator struct {
	profile  card.Profile
	spoken   card.Interface
	load     func(fresh *card.Card) error
	coverage func(m *vm.Method, pc int)
	card     *card.Card
	written  []vm.Write
}

// NewEmulator makes a target whose cards have that profile and are contactless.
func NewEmulator(profile card.Profile) *Emulator {
	return &Emulator{profile: profile, spoken: card.Contactless, load: func(fresh *card.Card) error {
		_, err := fresh.Load(applet.CAP)
		return err
	}}
}

// NewChangedEmulator makes a target whose cards get another load file than the
// committed one, and call coverage, unless it is nil, before every instruction.
func NewChangedEmulator(profile card.Profile, loadFile []byte, coverage func(m *vm.Method, pc int)) *Emulator {
	return &Emulator{profile: profile, spoken: card.Contactless, coverage: coverage, load: func(fresh *card.Card) error {
		_, err := fresh.LoadBlock(loadFile)
		return err
	}}
}

// Over is the same target, spoken to over another interface.
func (e *Emulator) Over(spoken card.Interface) *Emulator {
	other := *e
	other.spoken = spoken
	return &other
}

// Install implements [Target].
func (e *Emulator) Install(_ context.Context, parameters []byte) (apdu.Card, error) {
	fresh, err := card.New(card.Options{Profile: e.profile, Interface: e.spoken, Coverage: e.coverage, Written: func(w vm.Write) { e.written = append(e.written, w) }})
	if err != nil {
		return nil, err
	}
	if err := e.load(fresh); err != nil {
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

// Look implements [Glass].
func (e *Emulator) Look(see func(vm.Object)) { e.card.Look(see) }

// Writes implements [Glass].
func (e *Emulator) Writes() []vm.Write {
	since := e.written
	e.written = nil
	return since
}

// Cut implements [Cutter].
func (e *Emulator) Cut(n int) { e.card.CutBefore(n) }
