package banking

import (
	"slices"
	"strings"

	"ekrona.example/apdu/message"
)

// Card is one of a customer's cards.
type Card struct {
	Device Device `json:"device"`
	// InUse reports whether the notary has registered the card, and it was neither reported lost
	// nor ended.
	InUse bool `json:"in_use"`
}

// Reservation says for what a device id is reserved.
type Reservation struct {
	Kind   DeviceKind `json:"kind"`
	Intent string     `json:"intent"` // what it is made for, such as a job and a line of it
	Owner  string     `json:"owner"`  // the customer whose device it will be; needed for a card
	// Second says that the owner shall have the card besides those in use.
	Second bool `json:"second,omitempty"`
	// Replaces is the owner's card in use in whose place it comes; Second is false then.
	// Whoever makes the new card reports this one lost when the new one is active.
	Replaces message.DeviceID `json:"replaces,omitempty"`
}

// Check compares the reservation of a card with the cards that its owner has, so that nobody gets a
// second active card by oversight. Errors: [ErrMalformed] (no intent, a card without owner, or
// one that is a second one and replaces one), [ErrNoDevice] (it replaces a card that is not the
// owner's), [ErrOutOfUse], [ErrHasCard].
func (r Reservation) Check(cards []Card) error {
	switch {
	case r.Intent == "":
		return Refuse(ErrMalformed,
			"intermediary: a device id is reserved for something: name it")
	case r.Kind != KindCard && (r.Second || r.Replaces != ""):
		return Refuse(ErrMalformed, "intermediary: only a card is a second one or replaces one")
	case r.Second && r.Replaces != "":
		return Refuse(ErrMalformed, "intermediary: a card comes besides those in use or in the "+
			"place of %s, not both: choose one", r.Replaces)
	case r.Kind == KindCard && r.Owner == "":
		return Refuse(ErrMalformed, "intermediary: a card is reserved for somebody: name the owner")
	}
	var all, inUse []string
	for _, c := range cards {
		all = append(all, string(c.Device.ID))
		if c.InUse {
			inUse = append(inUse, string(c.Device.ID))
		}
	}
	switch replaces := string(r.Replaces); {
	case replaces != "" && !slices.Contains(all, replaces):
		return Refuse(ErrNoDevice, "intermediary: %s has no card %s to be replaced; there are: %s",
			r.Owner, replaces, orNone(all))
	case replaces != "" && !slices.Contains(inUse, replaces):
		return Refuse(ErrOutOfUse, "intermediary: %s of %s is out of use already, so nothing is "+
			"to be replaced: leave that out, or name a card in use; there are: %s",
			replaces, r.Owner, orNone(inUse))
	case r.Second || replaces != "" || len(inUse) == 0:
		return nil
	}
	return Refuse(ErrHasCard, "intermediary: %s has an active card, %s: say that it shall be "+
		"a second one, or which card it replaces", r.Owner, strings.Join(inUse, " "))
}

func orNone(ids []string) string {
	if len(ids) == 0 {
		return "none"
	}
	return strings.Join(ids, " ")
}
