package attack

import (
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// guesses are attacks by a holder of the card who tries PIN after PIN, in a new session
// for each. The right one at the end is refused too.
var guesses = []Attack{
	{
		Name:    "PIN guessed",
		Threat:  "a thief pays with the card",
		Defence: "each wrong PIN costs a try before it is compared, and none are left after three",
		Clause:  "PROTOCOL.md §3", Card: Active, Answers: sw(spec.SWPINBlocked),
		Keeps: KeepsMoney,
		Ways:  guessed(spec.PINTries, wrongPIN, verifies),
	},
	{
		Name:    "PUK guessed",
		Threat:  "a thief gives himself a PIN",
		Defence: "each wrong PUK costs a try, and none are left after ten",
		Clause:  "PROTOCOL.md §3", Card: Active, Answers: sw(spec.SWPINBlocked),
		Keeps:   KeepsMoney,
		Control: resets,
		Ways:    guessed(spec.PUKTries, wrongPUK, resets),
	},
}

// wrongPIN is VERIFY with a PIN that no card made for tests has.
func wrongPIN(*Setup) (Blow, error) {
	v, _ := spec.Verify.Variant("plaintext")
	wrong, err := pin.NewBlock("0000")
	return Blow{Variant: v, Data: [][]byte{wrong[:]}}, err
}

// wrongPUK is RESET RETRY COUNTER with such a PUK.
func wrongPUK(s *Setup) (Blow, error) {
	v, _ := spec.ResetRetryCounter.Variant("plaintext")
	wrong, err := pin.NewPUKBlock("00000000")
	return Blow{Variant: v, Data: [][]byte{wrong[:], s.PIN}}, err
}

// guessed are so many wrong guesses, each answered by the tries that are left, and the right
// one.
func guessed(tries int, wrong func(s *Setup) (Blow, error), right Control) []Way {
	var ways []Way
	for left := tries - 1; left >= 0; left-- {
		ways = append(ways, Way{fmt.Sprintf("wrong, %d left", left), func(s *Setup) (Blow, error) {
			blow, err := wrong(s)
			blow.Answers = sw(spec.SWPINWrong | apdu.StatusWord(left))
			return blow, err
		}})
	}
	return append(ways, // below zero tries comes no other
		Way{"wrong, one more", wrong}, Way{"wrong, and one more", wrong},
		Way{"the right one, too late", right.Make})
}
