package sandbox

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
)

// Observer receives every exchange with a card, whose label is the holder's name, and
// what a virtual card of the sandbox's folder spent on it.
type Observer func(apdu.Exchange, card.Stats)

// ErrWithdrawn says that the card left the reader's field before its answer arrived.
var ErrWithdrawn = errors.New("taken away before its answer came")

// ErrNoCard says that a person's card is in no file of the sandbox and was not inserted.
var ErrNoCard = errors.New(
	"this card is not in the sandbox's folder: name the reader that it is in")

// Slot is where a person's card is held to readers. A power cut or a torn tap ends the card's
// session, and the next command powers it on again.
type Slot struct {
	holder        string
	device        message.DeviceID // of a card of the founding; empty: not known
	card          *card.Card       // a virtual card of the sandbox's folder
	wire          apdu.Card        // that card, with what is around it
	powered       func(atr []byte) // is told of its resets
	lost          error            // why a card that should be in the folder is not
	inserted      apdu.Card        // a card that was inserted
	reset         func() error
	observe       Observer
	withdrawAfter byte  // instruction whose answer is lost, 0 for none
	dead          error // until the next tap
}

var _ apdu.Observed = (*Slot)(nil)

// hold has a virtual card of the sandbox's folder in the slot.
func (s *Slot) hold(c *card.Card, options Options) {
	s.card, s.wire = c, c
	if options.Wire != nil {
		s.wire, s.powered = options.Wire(s.holder, c)
	}
}

// Insert puts a card into the slot that another program could hold as well, such as one in a
// reader. reset powers it off and on.
func (s *Slot) Insert(c apdu.Card, reset func() error) {
	s.inserted, s.reset, s.device = c, reset, ""
}

// IsPresent reports whether there is a card to be held to a reader.
func (s *Slot) IsPresent() bool { return s.card != nil || s.inserted != nil }

// Absence returns why there is no card: [ErrNoCard], or that its file was lost.
func (s *Slot) Absence() error {
	switch {
	case s.IsPresent():
		return nil
	case s.lost != nil:
		return s.lost
	}
	return ErrNoCard
}

// MayBe reports whether the card that is here may have this device id.
func (s *Slot) MayBe(device message.DeviceID) bool {
	return s.IsPresent() && (s.device == "" || s.device == device)
}

// Tap holds the card to a reader: it is powered on anew.
func (s *Slot) Tap() apdu.Card {
	s.dead = nil
	switch {
	case s.inserted != nil:
		s.dead = s.reset()
	case s.card != nil:
		s.card.Reset()
		if s.powered != nil {
			s.powered(globalplatform.ATR())
		}
	default:
		s.dead = s.Absence()
	}
	return s
}

// WithdrawAfter has the card taken away when it has carried out the next command of that
// instruction: the answer, a 9000, is lost. A refused command does not count. The next Tap uses the
// card as it is then.
func (s *Slot) WithdrawAfter(instruction byte) { s.withdrawAfter = instruction }

// Transmit sends a command to the card.
func (s *Slot) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if s.dead != nil {
		return apdu.Response{}, fmt.Errorf("%s's card: %w", s.holder, s.dead)
	}
	if s.observe == nil {
		response, _, err := s.deliver(ctx, c)
		return response, err
	}
	var stats card.Stats
	recorded := apdu.Recorder{Label: s.holder, Sink: func(e apdu.Exchange) { s.observe(e, stats) }}
	recorded.Card = apdu.CardFunc(func(ctx context.Context, c apdu.Command) (response apdu.Response,
		err error) {
		response, stats, err = s.deliver(ctx, c)
		return response, err
	})
	return recorded.Transmit(ctx, c)
}

// Above records the exchanges of a secure channel to the card in clear, for the observer too.
func (s *Slot) Above(channel apdu.Card) apdu.Card {
	if s.observe == nil {
		return channel
	}
	return apdu.Recorder{Card: channel, Label: s.holder,
		Sink: func(e apdu.Exchange) { s.observe(e, card.Stats{}) }}
}

// deliver sends the command to the card, and takes the card away when that was planned.
func (s *Slot) deliver(
	ctx context.Context, c apdu.Command,
) (response apdu.Response, stats card.Stats, err error) {
	if s.inserted != nil {
		response, err = s.inserted.Transmit(ctx, c)
	} else {
		response, err = s.wire.Transmit(ctx, c)
		stats = s.card.LastCommand()
	}
	switch {
	case errors.Is(err, card.ErrPowerLost):
		s.dead = ErrWithdrawn
	case err == nil && s.withdrawAfter != 0 && c.INS == s.withdrawAfter && response.SW == apdu.OK:
		s.dead, s.withdrawAfter = ErrWithdrawn, 0
		response, err = apdu.Response{}, fmt.Errorf("%s's card: %w", s.holder, ErrWithdrawn)
	}
	return response, stats, err
}
