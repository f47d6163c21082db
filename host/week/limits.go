package week

import (
	"errors"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/terminal"
)

// Limits are the limits under which a week is played.
type Limits string

// The limits.
const (
	Pilot   Limits = "pilot"
	Default Limits = "default"
	Crisis  Limits = "crisis"
)

// ErrNoCrisis says that the crisis order cannot be played.
var ErrNoCrisis = errors.New(
	"limits crisis: there is no crisis order yet: give pilot")

// terms are what cards and terminals get before the network goes.
type terms struct {
	card, terminal message.Policy
	load           money.Ore // on an adult's card
}

// terms returns the terms of limits. Errors: [ErrNoCrisis].
func (l Limits) terms() (terms, error) {
	switch l {
	case Pilot:
		t := terms{card: message.PilotPolicy(), terminal: terminal.PilotPolicy()}
		t.load = t.card.MaxBalance
		return t, nil
	case Crisis:
		return terms{}, ErrNoCrisis
	}
	return terms{}, fmt.Errorf("limits %q: give pilot", string(l))
}
