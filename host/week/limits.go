package week

import (
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/terminal"
	"ekrona.example/personalization"
)

// Limits are the limits under which a week is played.
type Limits string

// The limits.
const (
	Pilot   Limits = "pilot"
	Default Limits = "default"
	Crisis  Limits = "crisis" // the default ones, and a crisis order on day two
)

// terms are what cards and terminals are made with before the network goes.
type terms struct {
	card     personalization.Limits
	terminal message.Policy
	load     money.Ore // on an adult's card: as much as it may hold
}

// terms returns the terms of limits.
func (l Limits) terms() (terms, error) {
	switch l {
	case Pilot:
		// the first policy of a card is the default one, lowered to its ceilings
		ceilings := message.PilotPolicy()
		return terms{personalization.Limits{Ceilings: ceilings, Slots: spec.MinSlots},
			terminal.PilotPolicy(), ceilings.MaxBalance}, nil
	case Default, Crisis:
		return terms{personalization.DefaultLimits(), terminal.DefaultPolicy(),
			message.DefaultPolicy().MaxBalance}, nil
	}
	return terms{}, fmt.Errorf("limits %q: give pilot, default or crisis", string(l))
}
