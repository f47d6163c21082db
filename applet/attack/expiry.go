package attack

import (
	"math"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// expiries are attacks with what has ended since the card learned it, and by numbers that start
// anew.
var expiries = []Attack{
	{
		Name:    "payment with a card that has ended",
		Threat:  "a card that its bank takes for dead pays for ever",
		Defence: "the card compares its own last day with its date",
		Clause:  "PROTOCOL.md §8, 6", Card: CardEnded, Answers: sw(spec.SWExpired),
		Ways: endedWays(func(s *Setup) Intermediary { return s.Own }),
	},
	{
		Name:    "payment with a card whose own CA has ended",
		Threat:  "a CA's key that was stolen when it was no longer guarded certifies cards",
		Defence: "the card compares its CA's last day with its date",
		Clause:  "PROTOCOL.md §8, 6", Card: OwnCAEnded, Answers: sw(spec.SWExpired),
		Ways: endedWays(func(s *Setup) Intermediary { return s.Foreign }),
	},
	{
		Name:    "payment with a device whose CA has ended",
		Threat:  "a CA's key that was stolen late certifies payees and payers",
		Defence: "the card keeps each CA's last day",
		Clause:  "PROTOCOL.md §8, 6", Card: CAEnded, Answers: sw(spec.SWExpired),
		Ways: []Way{
			paying(func(s *Setup) Intermediary { return s.Ended }),
			accepting(func(s *Setup) Intermediary { return s.Ended }),
			{"its certificate once more", func(s *Setup) (Blow, error) {
				return Blow{
					Variant: spec.VerifyCertificate.Only(), Data: [][]byte{s.Ended.CA.Encoded},
				}, nil
			}},
		},
	},
	{
		Name:    "Instruction of a policy whose version starts anew",
		Threat:  "after 4,294,967,295 policies the first one counts again",
		Defence: "a policy's version only grows, and the last has no next",
		Clause:  "PROTOCOL.md §8, 6", Card: LastPolicy, Answers: sw(spec.SWPolicy),
		Control: applies.on(LastPolicy),
		Ways: []Way{
			signedAfter("zero", func(_ *Setup, i *message.Instruction) { i.Policy.Version = 0 }),
			signedAfter("one", func(_ *Setup, i *message.Instruction) { i.Policy.Version = 1 }),
			signedAfter("half the way", func(_ *Setup, i *message.Instruction) {
				i.Policy.Version = math.MaxInt32
			}),
			signedAfter("its lower half alone", func(_ *Setup, i *message.Instruction) {
				i.Policy.Version = math.MaxUint16
			}),
		},
	},
}

// endedWays are all that a card does in a payment, with devices of that intermediary.
func endedWays(of func(s *Setup) Intermediary) []Way {
	return []Way{
		paying(of),
		asking("REQUEST", func(_ *Setup, good []byte) ([]byte, error) { return good, nil }),
		accepting(of),
	}
}

// paying is a genuine Request by a terminal.
func paying(of func(s *Setup) Intermediary) Way {
	return Way{"PAY", func(s *Setup) (Blow, error) {
		payee, err := s.device(of(s), spec.RoleTerminal)
		if err != nil {
			return Blow{}, err
		}
		return s.requested(payee, "")
	}}
}

// accepting is a genuine Payment of the card's Request.
func accepting(of func(s *Setup) Intermediary) Way {
	return Way{"ACCEPT", func(s *Setup) (Blow, error) {
		payer, err := s.device(of(s), spec.RoleCard)
		if err != nil {
			return Blow{}, err
		}
		return s.paidBy(payer)
	}}
}
