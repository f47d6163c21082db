package shell

import (
	"io"

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
	// Again makes the virtual card anew, blank, of a seed; nil for one that is in a file.
	Again func(seed string) (*globalplatform.Card, error)
}

// put puts another virtual card in the target's place.
func (t *Target) put(c *globalplatform.Card) {
	t.Card, t.Bytes, t.ATR, t.Reset, t.Virtual = c, c.TransmitBytes, c.ATR(), c.Reset, c
}

// VirtualTarget is a virtual card as a target. release is called at the end.
func VirtualTarget(c *globalplatform.Card, where string, release func() error) Target {
	return Target{
		Card: c, Bytes: c.TransmitBytes, ATR: c.ATR(), Where: where,
		Reset: c.Reset, Close: release, ExtendedLength: c.Below().Profile().ExtendedLength,
		Virtual: c,
	}
}

// sources are the randomness of a virtual card and of its manager, by a seed.
func sources(seed string) (ofCard, ofManager io.Reader) {
	return card.SeededRandom(seed), card.SeededRandom(seed + " card manager")
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
		options.Random, managing.Random = sources(seed)
	}
	below, err := open(options)
	if err != nil {
		return nil, err
	}
	return globalplatform.New(below, managing)
}
