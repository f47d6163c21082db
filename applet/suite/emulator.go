package suite

import (
	"bytes"
	"context"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// Emulator is the committed CAP file, or a change of it, on the emulator: a
// [Cutter], a [MemoryInspector] and a [MemorySetter].
type Emulator struct {
	profile card.Profile
	medium  card.Interface
	load    func(fresh *card.Card) error
	probe   vm.Probe // beside the suite's own
	seed    string   // of the cards' randomness; "" for the system's
	writes  memoryWrites

	card   *card.Card
	loaded *card.Snapshot // of the card when it had the load file and no instance yet
}

// NewEmulator makes a target whose cards have that profile and are in a slot.
func NewEmulator(profile card.Profile) *Emulator {
	return &Emulator{profile: profile, medium: card.Contact,
		load: func(fresh *card.Card) error {
			_, err := fresh.Load(applet.CAP)
			return err
		}}
}

// NewChangedEmulator makes a target whose cards get another load file than the
// committed one, and are watched, or disturbed, by a probe.
func NewChangedEmulator(profile card.Profile, loadFile []byte, probe vm.Probe) *Emulator {
	load := func(fresh *card.Card) error {
		_, err := fresh.LoadBlock(loadFile)
		return err
	}
	return &Emulator{profile: profile, medium: card.Contact, probe: probe, load: load}
}

// Over is the same target over another interface.
func (e *Emulator) Over(medium card.Interface) *Emulator {
	other := e.Another()
	other.medium = medium
	return other
}

// Seeded is the same target with cards whose randomness repeats, the same for each.
func (e *Emulator) Seeded(seed string) *Emulator {
	other := e.Another()
	other.seed = seed
	return other
}

// Card is the card in use.
func (e *Emulator) Card() *card.Card { return e.card }

// Another is a target of the same kind with cards of its own, for another worker.
func (e *Emulator) Another() *Emulator {
	return &Emulator{profile: e.profile, medium: e.medium, load: e.load, probe: e.probe,
		seed: e.seed}
}

// Install implements [Target].
func (e *Emulator) Install(_ context.Context, parameters []byte) (apdu.Card, error) {
	if err := e.takeFresh(); err != nil {
		return nil, err
	}
	aid := card.AID(spec.AppletAID)
	if _, err := e.card.Install(aid, aid, parameters); err != nil {
		return nil, err
	}
	return e.card, nil
}

// takeFresh takes a card with the load file and no instance: a new one at first, and then
// the same, set back.
func (e *Emulator) takeFresh() error {
	if e.loaded != nil {
		return e.card.RestoreSnapshot(e.loaded)
	}
	options := card.Options{
		Profile: e.profile, Interface: e.medium, Probe: vm.Probes(e.writes.probe(), e.probe),
	}
	if e.seed != "" {
		options.Random = card.SeededRandom(e.seed)
	}
	fresh, err := card.New(options)
	if err != nil {
		return err
	}
	if err := e.load(fresh); err != nil {
		return err
	}
	e.card = fresh
	e.loaded, err = fresh.Snapshot()
	return err
}

// Reset implements [Target].
func (e *Emulator) Reset(context.Context) error {
	e.card.Reset()
	return nil
}

// Capabilities implements [Target]. The emulator has no divergences.
func (e *Emulator) Capabilities() Capabilities {
	return Capabilities{ShortOnly: !e.profile.ExtendedLength,
		Contactless: e.medium == card.Contactless}
}

// Look implements [MemoryInspector].
func (e *Emulator) Look(see func(vm.Object)) { e.card.Look(see) }

// Writes implements [MemoryInspector].
func (e *Emulator) Writes() []Write { return e.writes.take() }

// Set implements [MemorySetter].
func (e *Emulator) Set(was, is []byte) error {
	var object vm.Ref
	at, places := 0, 0
	e.card.Look(func(o vm.Object) {
		if n := bytes.Count(o.Bytes, was); n > 0 && o.Owner != 0 && o.Storage == vm.Persistent {
			object, at, places = o.Ref, bytes.Index(o.Bytes, was), places+n
		}
	})
	if places != 1 || len(is) != len(was) {
		return fmt.Errorf("%d bytes are in %d places of the card's memory, and %d are to be "+
			"written there", len(was), places, len(is))
	}
	return e.card.Machine().Enter(func(call *vm.Call) { call.PutBytes(object, at, is) })
}

// Cut implements [Cutter].
func (e *Emulator) Cut(n int) { e.card.CutBefore(n) }

// LastWrites implements [Cutter].
func (e *Emulator) LastWrites() int { return e.card.LastCommand().Writes }
