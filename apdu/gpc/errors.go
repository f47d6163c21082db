package gpc

import (
	"errors"
	"fmt"

	"ekrona.example/apdu"
)

// ErrMalformed reports that data does not have the layout of the specification.
var ErrMalformed = errors.New("globalplatform: malformed data")

// remedies say what a card manager can do about a status word. What it means is in
// the table of package apdu.
var remedies = map[apdu.StatusWord]string{
	apdu.SWDeactivated:   "only its issuer can unlock it",
	apdu.SWNotAuthentic:  "find the right ones, a few more tries block the card for good",
	apdu.SWNotLinked:     "take a load file for an older Java Card, or a newer product",
	apdu.SWMemoryFailure: "set the card aside",
	apdu.SWWrongLength:   "card and program follow different versions",
	apdu.SWChannel:       "use the basic channel",
	apdu.SWSecurity:      "open a secure channel with the card's keys first",
	apdu.SWBlocked:       "too many wrong keys were tried: set the card aside",
	apdu.SWConditions:    "not possible in this state, or something on the card still needs it",
	apdu.SWWrongMAC:      "open the secure channel anew",
	apdu.SWSelectFailed:  "select an applet",
	apdu.SWWrongData:     "of a load file, what it imports may be missing",
	apdu.SWFileNotFound:  "list the card",
	apdu.SWNoMemory:      "delete something first",
	apdu.SWWrongP1P2:     "the card does not know this form of the command",
	apdu.SWNotFound:      "list the card",
	apdu.SWInstruction:   "is a security domain selected?",
	apdu.SWClass:         "is a security domain selected?",
}

// Refusal is a status word other than 9000 in answer to a content management
// command. errors.Is finds the StatusWord in it.
type Refusal struct {
	Command string // its name, "INSTALL [for load]"
	SW      apdu.StatusWord
}

// Error states what was refused, why, and what to do.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: the card answered %s: %s", r.Command, r.SW.String(), Meaning(r.SW))
}

// Meaning is what a status word means when a security domain gives it, and what to do
// where something can be done.
func Meaning(sw apdu.StatusWord) string {
	meaning := sw.MeaningOfDomain()
	if remedy := remedies[sw]; remedy != "" {
		meaning += "; " + remedy
	}
	return meaning
}

// Unwrap gives the status word.
func (r *Refusal) Unwrap() error { return r.SW }

// Check gives the response's data, or a Refusal naming the command. Warnings of
// accepted are no refusal.
func Check(command string, r apdu.Response, accepted ...apdu.StatusWord) ([]byte, error) {
	for _, sw := range accepted {
		if r.SW == sw {
			return r.Data, nil
		}
	}
	if r.SW != apdu.OK {
		return nil, &Refusal{command, r.SW}
	}
	return r.Data, nil
}
