package town

import (
	"context"
	"errors"
	"fmt"

	"ekrona/apdu"
	"ekrona/emulator/card"
)

// Exchange is one command and what came of it.
type Exchange struct {
	Holder   string // whose card it is
	Command  apdu.Command
	Response apdu.Response // empty when Err is not nil
	Err      error
	Stats    card.Stats
}

// Observer is told every exchange.
type Observer func(Exchange)

// ErrPulled says that the card left the reader's field before its answer was
// through.
var ErrPulled = errors.New("taken away before its answer came")

// Slot is where a person's virtual card is held to readers. A power cut or a torn
// tap ends the card's session, and the next command finds it switched on again.
type Slot struct {
	holder  string
	card    *card.Card
	observe Observer
	pull    byte // instruction whose answer is lost, 0 for none
	dead    bool // until the next tap
}

var _ apdu.Card = (*Slot)(nil)

// Tap holds the card to a reader: it is switched on anew.
func (s *Slot) Tap() apdu.Card {
	s.card.Reset()
	s.dead = false
	return s
}

// PullAfter lets the card be taken away when it has carried out the next command
// of that instruction: the answer is lost. The next Tap finds the card as it is.
func (s *Slot) PullAfter(instruction byte) { s.pull = instruction }

// Transmit sends a command to the card.
func (s *Slot) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if s.dead {
		return apdu.Response{}, fmt.Errorf("%s's card: %w", s.holder, ErrPulled)
	}
	r, err := s.card.Transmit(ctx, c)
	switch {
	case errors.Is(err, card.ErrPowerLost):
		s.dead = true
	case err == nil && s.pull != 0 && c.INS == s.pull:
		s.dead, s.pull = true, 0
		r, err = apdu.Response{}, fmt.Errorf("%s's card: %w", s.holder, ErrPulled)
	}
	if s.observe != nil {
		s.observe(Exchange{s.holder, c, r, err, s.card.LastCommand()})
	}
	return r, err
}
