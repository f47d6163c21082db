package gpc

import (
	"errors"
	"fmt"

	"ekrona/apdu"
)

// ErrMalformed tells that data does not have the layout that the specification
// gives it.
var ErrMalformed = errors.New("globalplatform: malformed data")

// Status words (GPC table 11-10 and those of the commands; ISO/IEC 7816-4 §5.6).
const (
	SWLocked           apdu.StatusWord = 0x6283 // SELECT of a card in CARD_LOCKED
	SWNotAuthentic     apdu.StatusWord = 0x6300 // wrong host cryptogram
	SWMore             apdu.StatusWord = 0x6310 // GET STATUS has more
	SWNotLinked        apdu.StatusWord = 0x6438 // of NXP's cards, to LOAD
	SWMemoryFailure    apdu.StatusWord = 0x6581
	SWWrongLength      apdu.StatusWord = 0x6700
	SWNoChannel        apdu.StatusWord = 0x6881
	SWSecurity         apdu.StatusWord = 0x6982
	SWBlocked          apdu.StatusWord = 0x6983
	SWConditions       apdu.StatusWord = 0x6985
	SWWrongMAC         apdu.StatusWord = 0x6988
	SWSelectFailed     apdu.StatusWord = 0x6999
	SWWrongData        apdu.StatusWord = 0x6A80
	SWNotSupported     apdu.StatusWord = 0x6A81
	SWFileNotFound     apdu.StatusWord = 0x6A82
	SWNoMemory         apdu.StatusWord = 0x6A84
	SWWrongP1P2        apdu.StatusWord = 0x6A86
	SWNotFound         apdu.StatusWord = 0x6A88
	SWWrongInstruction apdu.StatusWord = 0x6D00
	SWWrongClass       apdu.StatusWord = 0x6E00
)

// meanings tells for each status word what it means and what to do.
var meanings = map[apdu.StatusWord]string{
	SWLocked:           "the card is in CARD_LOCKED: only its issuer can unlock it",
	SWNotAuthentic:     "the keys are not the card's: find the right ones, a few more tries block the card for good",
	SWMore:             "more data follows",
	SWNotLinked:        "the card cannot link the load file, which imports what the card has not: take a load file for an older Java Card, or a newer product",
	SWMemoryFailure:    "the card's memory failed: set the card aside",
	SWWrongLength:      "the length is wrong: card and program speak different versions",
	SWNoChannel:        "logical channels are not supported: use the basic one",
	SWSecurity:         "security status not satisfied: open a secure channel with the card's keys first",
	SWBlocked:          "the key set is blocked after too many wrong keys: set the card aside",
	SWConditions:       "not possible in this state, or something on the card still needs it",
	SWWrongMAC:         "secure messaging went wrong: open the secure channel anew",
	SWSelectFailed:     "no applet is selected: select one",
	SWWrongData:        "the card refuses the data: for a load file, what it imports may be missing",
	SWNotSupported:     "the card does not support this",
	SWFileNotFound:     "there is no such application or load file: list the card",
	SWNoMemory:         "not enough memory: delete something first",
	SWWrongP1P2:        "wrong parameters P1-P2: the card does not know this form",
	SWNotFound:         "there is no such key, object or data: list the card",
	SWWrongInstruction: "the card does not know the command: is a security domain selected?",
	SWWrongClass:       "the card does not know the class of the command",
}

// Refusal is a status word other than 9000 in answer to a content management
// command. errors.Is finds the StatusWord in it.
type Refusal struct {
	Command string // its name, "INSTALL [for load]"
	SW      apdu.StatusWord
}

// Error says what was refused, why, and what to do.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: the card answered %04X: %s", r.Command, uint16(r.SW), Meaning(r.SW))
}

// Meaning says what a status word means to a card manager, and what to do.
func Meaning(sw apdu.StatusWord) string {
	if meaning := meanings[sw]; meaning != "" {
		return meaning
	}
	return "a status word that GlobalPlatform does not define; see the card's manual"
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
