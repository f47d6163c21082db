package suite

import (
	"context"

	"ekrona.example/apdu"
)

// Target is a place where the applet runs: the emulator, jCardSim, a card in a
// reader.
type Target interface {
	// Install takes a fresh card and installs one instance of the applet with
	// those application parameters (spec.InstallData). The card that was there
	// before is no longer used.
	Install(ctx context.Context, parameters []byte) (apdu.Card, error)
	// Reset takes the present card's power away and gives it back.
	Reset(ctx context.Context) error
	// Capabilities returns how the target differs from a card.
	Capabilities() Capabilities
}

// Capabilities of a target, and its divergences from a card.
type Capabilities struct {
	// ShortOnly reports that card or reader carry no extended APDUs.
	ShortOnly bool
	// Contactless reports that the card is in the field of a reader, where the policy of
	// version 0 takes no plaintext PIN: the suite's cards get one that does.
	Contactless bool
	// Divergences are the names of the cases that this target cannot pass, each with
	// the reason. A case named here is expected to fail: when it passes, the suite
	// reports that the entry is no longer needed.
	Divergences map[string]string
}

// Cutter is a target whose power can be lost in the middle of a command.
type Cutter interface {
	Target
	// Cut makes power fail before the n-th persistent write, from 1, of the
	// next command. That command's Transmit then returns an error, unless it
	// makes fewer writes; Reset starts the card up again.
	Cut(n int)
	// LastWrites is how many persistent writes the last command made.
	LastWrites() int
}
