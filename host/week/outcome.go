package week

import (
	"errors"

	"ekrona.example/host/limit"
)

// Reason is why an attempt did not succeed. The zero Reason stands for one that did.
type Reason struct {
	What  What        `json:"what"`
	Whose limit.Owner `json:"whose,omitempty"` // limit, or card
}

// What is a [limit.Kind], or another reason.
type What string

// The reasons that are no limits.
const (
	Locked     What = "pin-locked" // three wrong PINs in a row
	Torn       What = "given-up"   // after a torn tap; money that was paid comes back
	Unexpected What = "unexpected" // nothing explains it
)

// String returns a few words.
func (r Reason) String() string {
	switch r.What {
	case Torn:
		return "torn and given up"
	case Locked:
		return string(r.Whose) + "'s PIN locked"
	case Unexpected:
		return "unexpected"
	}
	return string(r.Whose) + "'s " + string(r.What)
}

// outcome is what became of an attempt.
type outcome struct {
	played   bool
	unfunded bool // the payer knew that the card held less, and did not try
	reason   Reason
	torn     int   // taps that were torn
	err      error // of an unexpected one
}

// reasonOf returns why a flow ended with an error; whose says whose part of it.
func reasonOf(err error, whose limit.Owner) Reason {
	var reached *limit.Reached
	switch err = limit.OfCard(err, whose); {
	case errors.Is(err, errGivenUp):
		return Reason{What: Torn}
	case errors.As(err, &reached) && reached.Limit == limit.PINBlocked:
		return Reason{Locked, whose}
	case errors.As(err, &reached) && reached.Whose == limit.Card:
		return Reason{What(reached.Limit), whose}
	case errors.As(err, &reached):
		return Reason{What(reached.Limit), reached.Whose}
	}
	return Reason{What: Unexpected}
}
