package week

import (
	"context"
	"errors"
	"math/rand/v2"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
)

// errWithdrawn says that a card left the reader's field before its answer came.
var errWithdrawn = errors.New("the card was taken away before its answer came")

// How taps are torn: in which command of the tap at the latest, and before which of its writes
// at the latest power goes.
const (
	lastTornCommand = 6
	lastTornWrite   = 24
)

// tear is how one tap is torn; the zero value is one that is not.
type tear struct {
	command int // of the tap, from 1, in which the card leaves the field; 0 for none
	write   int // before which it does; 0 after the last, so that only the answer is lost
}

// drawTear draws whether a tap is torn, and where.
func drawTear(r *rand.Rand) tear {
	if !chance(r, tornTaps) {
		return tear{}
	}
	t := tear{command: 1 + r.IntN(lastTornCommand)}
	if chance(r, 0.5) {
		t.write = 1 + r.IntN(lastTornWrite)
	}
	return t
}

// tap holds a card to a reader, once.
type tap struct {
	card     *card.Card
	tear     tear
	commands int
	gone     bool
}

var _ apdu.Card = (*tap)(nil)

// hold powers the card on anew. Once it is not needed any more its RAM goes by a Reset: that of
// thousands of cards in pockets has no room.
func hold(c *card.Card, t tear) apdu.Card {
	c.Reset()
	return apdu.Framing{Card: &tap{card: c, tear: t}, ExtendedLength: true}
}

// Transmit sends a command to the card, unless it has left the field.
func (t *tap) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if t.gone {
		return apdu.Response{}, errWithdrawn
	}
	t.commands++
	torn := t.commands == t.tear.command
	if torn {
		t.card.CutBefore(t.tear.write)
	}
	response, err := t.card.Transmit(ctx, c)
	if torn {
		t.gone = true
		if err == nil || errors.Is(err, card.ErrPowerLost) {
			return apdu.Response{}, errWithdrawn
		}
	}
	return response, err
}
