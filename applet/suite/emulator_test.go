package suite

import (
	"testing"

	"ekrona/emulator/card"
)

func TestOnEmulator(t *testing.T) {
	for _, profile := range card.Profiles() {
		t.Run(profile.Name, func(t *testing.T) { Run(t, NewEmulator(profile)) })
	}
}

func TestTornOnEmulator(t *testing.T) {
	for _, profile := range []card.Profile{card.P71, card.P71Short} {
		t.Run(profile.Name, func(t *testing.T) { RunTorn(t, NewEmulator(profile)) })
	}
}

func TestLifeOnEmulator(t *testing.T) { RunLife(t, NewEmulator(card.P71)) }
