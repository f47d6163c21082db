package week

import (
	"errors"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/host/terminal"
	"ekrona/personalization"
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
	"limits crisis: there is no crisis order yet: give pilot or default")

// terms are what cards and terminals are made with before the network goes.
type terms struct {
	card     personalization.Limits
	terminal message.Policy
	load     money.Ore // on an adult's card: as much as it may hold
}

// terms returns the terms of limits. Errors: [ErrNoCrisis].
func (l Limits) terms() (terms, error) {
	switch l {
	case Pilot:
		// the first policy of a card is the default one, lowered to its ceilings
		ceilings := message.PilotPolicy()
		return terms{personalization.Limits{Ceilings: ceilings, Slots: spec.MinSlots},
			terminal.PilotPolicy(), ceilings.MaxBalance}, nil
	case Default:
		return terms{personalization.DefaultLimits(), terminal.DefaultPolicy(),
			message.DefaultPolicy().MaxBalance}, nil
	case Crisis:
		return terms{}, ErrNoCrisis
	}
	return terms{}, fmt.Errorf("limits %q: give pilot or default", string(l))
}
