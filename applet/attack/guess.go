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
		Ways: guessed(spec.PINTries, func(s *Setup, right bool) (spec.Variant, [][]byte, error) {
			v, _ := spec.Verify.Variant("plaintext")
			if right {
				return v, [][]byte{s.PIN}, nil
			}
			wrong, err := pin.NewBlock("0000")
			return v, [][]byte{wrong[:]}, err
		}),
	},
	{
		Name:    "PUK guessed",
		Threat:  "a thief gives himself a PIN",
		Defence: "each wrong PUK costs a try, and none are left after ten",
		Clause:  "PROTOCOL.md §3", Card: Active, Answers: sw(spec.SWPINBlocked),
		Keeps:   KeepsMoney,
		Control: resets,
		Ways: guessed(spec.PUKTries, func(s *Setup, right bool) (spec.Variant, [][]byte, error) {
			v, _ := spec.ResetRetryCounter.Variant("plaintext")
			if right {
				return v, [][]byte{s.PUK, s.PIN}, nil
			}
			wrong, err := pin.NewPUKBlock("00000000")
			return v, [][]byte{wrong[:], s.PIN}, err
		}),
	},
}

// guessed are so many wrong guesses, each answered by the tries that are left, and the right
// one.
func guessed(tries int, guess func(s *Setup, right bool) (spec.Variant, [][]byte, error)) []Way {
	var ways []Way
	for left := tries - 1; left >= 0; left-- {
		ways = append(ways, Way{fmt.Sprintf("wrong, %d left", left), func(s *Setup) (Blow, error) {
			v, data, err := guess(s, false)
			right := sw(spec.SWPINWrong | apdu.StatusWord(left))
			return Blow{Variant: v, Data: data, Answers: right}, err
		}})
	}
	for _, more := range []string{"one more", "and one more"} { // below zero tries comes no other
		ways = append(ways, Way{"wrong, " + more, func(s *Setup) (Blow, error) {
			v, data, err := guess(s, false)
			return Blow{Variant: v, Data: data}, err
		}})
	}
	return append(ways, Way{"the right one, too late", func(s *Setup) (Blow, error) {
		v, data, err := guess(s, true)
		return Blow{Variant: v, Data: data}, err
	}})
}
