package suite

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/thorough"
	"ekrona.example/emulator/card"
)

// The emulator is tested as a P71 in the field of a reader, in a slot whose reader carries short
// APDUs only, and as a card without limits of memory.
var emulators = map[string]*Emulator{
	"p71, contactless":   NewEmulator(card.P71).Over(card.Contactless),
	"p71-short, contact": NewEmulator(card.P71Short),
	"unlimited, contact": NewEmulator(card.Unlimited),
}

func TestOnEmulator(t *testing.T) {
	for name, target := range emulators {
		of := 1
		if target != emulators["p71, contactless"] {
			of = 2
		}
		t.Run(name, func(t *testing.T) { RunSome(t, target, of) })
	}
}

// TestEachCaseAlone: no case stands on what one before it has left, such as the ids that were given
// out, and all of its keys may follow from one seed.
func TestEachCaseAlone(t *testing.T) {
	target := NewEmulator(card.P71).Seeded("alone")
	runner := Runner{Seed: "alone"}
	for n, c := range Untorn() {
		if thorough.Tries(n, 3) {
			assert.NoError(t, runner.Run(t.Context(), target, c), c.Name)
		}
	}
}

// TestOnForgetfulCard: a card whose crypto objects forget at a reset what init gave them, which
// Java Card does not allow, is initialised again, and is as any other.
func TestOnForgetfulCard(t *testing.T) {
	forgetful := card.P71
	forgetful.Product.ForgetsInit = true
	RunSome(t, NewEmulator(forgetful), 3)
}

func TestTornOnEmulator(t *testing.T) {
	for name, target := range emulators {
		t.Run(name, func(t *testing.T) { RunTorn(t, func() Cutter { return target.Another() }) })
	}
}

func TestLifeOnEmulator(t *testing.T) {
	RunLife(t, NewEmulator(card.P71))
}
