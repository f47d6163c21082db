package suite

import (
	"testing"

	"ekrona.example/emulator/card"
)

// The emulator is tested as a P71 in the field of a reader, for one in a slot whose
// reader carries short APDUs only, and for a card without limits of memory.
var emulators = map[string]*Emulator{
	"p71, contactless":   NewEmulator(card.P71).Over(card.Contactless),
	"p71-short, contact": NewEmulator(card.P71Short),
	"unlimited, contact": NewEmulator(card.Unlimited),
}

func TestOnEmulator(t *testing.T) {
	for name, target := range emulators {
		t.Run(name, func(t *testing.T) { Run(t, target) })
	}
}

func TestTornOnEmulator(t *testing.T) {
	for name, target := range emulators {
		t.Run(name, func(t *testing.T) { RunTorn(t, func() Cutter { return target.Another() }) })
	}
}

func TestLifeOnEmulator(t *testing.T) {
	RunLife(t, NewEmulator(card.P71))
}
