package shell

import (
	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
)

// Target is the card that a session works on.
type Target struct {
	// Card sends one APDU for each command; what it answers comes as it is.
	Card apdu.Card
	// Bytes sends what is no command, and returns data and status word.
	Bytes func(command []byte) ([]byte, error)
	ATR   []byte
	Where string // the reader, the file, or what kind of card it is
	Reset func() error
	Close func() error
	// ExtendedLength reports that card and reader carry extended APDUs.
	ExtendedLength bool
	// File keeps a virtual card, and beside it are the source lines of what is on it; "" for none.
	File string
	// Virtual is the card with its manager; nil for a card in a reader.
	Virtual *globalplatform.Card
}

// VirtualTarget is a virtual card as a target. release is called at the end.
func VirtualTarget(c *globalplatform.Card, where string, release func() error) Target {
	return Target{
		Card: c, Bytes: c.TransmitBytes, ATR: c.ATR(), Where: where,
		Reset: c.Reset, Close: release, ExtendedLength: c.Below().Profile().ExtendedLength,
		Virtual: c,
	}
}

// NewVirtual makes a blank virtual card. A seed that is not empty makes all of its randomness
// repeat.
func NewVirtual(options card.Options, seed string) (*globalplatform.Card, error) {
	return Seeded(options, seed, card.New)
}

// Seeded makes a virtual card with its manager of what open gives. A seed that is not empty makes
// all of its randomness repeat.
func Seeded(
	options card.Options, seed string, open func(card.Options) (*card.Card, error),
) (*globalplatform.Card, error) {
	var managing globalplatform.Options
	if seed != "" {
		options.Random = card.SeededRandom(seed)
		managing.Random = card.SeededRandom(seed + " card manager")
	}
	below, err := open(options)
	if err != nil {
		return nil, err
	}
	return globalplatform.New(below, managing)
}
