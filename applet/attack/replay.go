package attack

import (
	"bytes"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// replays are attacks by what a card has decided on before. Where it is the same message the card
// answers as before, and nothing happens a second time.
var replays = []Attack{
	{
		Name:    "Request that is paid a second time",
		Threat:  "a terminal that repeats what it sent debits twice",
		Defence: "the card knows what it has paid, by payee and number, and gives it again",
		Clause:  "PROTOCOL.md §8, 5", Card: Decided, Answers: sw(spec.SWOK), Control: pays,
		Ways: []Way{
			again("the same", spec.Pay, paidBefore, nil),
			again("its signature in the other form", spec.Pay, paidBefore,
				signature.Plain.Other),
		},
	},
	{
		Name:    "Payment that is accepted a second time",
		Threat:  "a payee has one Payment's money twice",
		Defence: "the card knows what it has accepted, and gives that Receipt again",
		Clause:  "PROTOCOL.md §8, 5", Card: Decided, Answers: sw(spec.SWOK), Control: accepts,
		Ways: []Way{
			again("the same", spec.Accept, acceptedBefore, nil),
			again("its signature in the other form", spec.Accept, acceptedBefore,
				signature.Plain.Other),
		},
	},
	{
		Name:    "Instruction that is applied a second time",
		Threat:  "a credit is taken twice",
		Defence: "the card knows the hash of the last one, and gives its Confirmation again",
		Clause:  "PROTOCOL.md §8, 6", Card: Decided, Answers: sw(spec.SWOK), Control: applies,
		Ways: []Way{again("", spec.Instruct, func(s *Setup) Decision { return s.Applied }, nil)},
	},
	{
		Name:    "another Request under a number that was paid",
		Threat:  "a payee shows another Request for a Payment, or is paid for both",
		Defence: "payee and number name one Request",
		Clause:  "PROTOCOL.md §8, 5", Card: Decided, Answers: sw(spec.SWRequestReused),
		Control: pays,
		Ways: []Way{
			underPaidNumber("another amount", func(r *message.Request) { r.Amount++ }),
			underPaidNumber("another random number", func(r *message.Request) { r.Random[0] ^= 1 }),
			underPaidNumber("another day", func(r *message.Request) { r.Date = r.Date.AddDays(1) }),
		},
	},
	{
		Name:    "second Payment of a Request that was paid",
		Threat:  "a payer who is debited twice, or two payers, for one Request",
		Defence: "an accepted Request is closed",
		Clause:  "PROTOCOL.md §8, 5", Card: Decided, Answers: sw(spec.SWReferenceUnknown),
		Control: accepts,
		Ways: []Way{
			{"by the same payer", func(s *Setup) (Blow, error) {
				return s.paidAgain(s.Accepted.By)
			}},
			{"by another", func(s *Setup) (Blow, error) {
				other, err := s.device(s.Own, spec.RoleCard)
				if err != nil {
					return Blow{}, err
				}
				return s.paidAgain(other)
			}},
		},
	},
	{
		Name:    "REFUSE of a Request that was accepted",
		Threat:  "the payer gets the money back that the payee has",
		Defence: "an accepted Request is closed",
		Clause:  "PROTOCOL.md §8, 4", Card: Decided, Answers: sw(spec.SWReferenceUnknown),
		Control: refuses,
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			p, is := s.Accepted.Message.(*message.Payment)
			if !is {
				return Blow{}, errNotDecided
			}
			number, err := tlv.Append(nil, spec.TagNumber, fourBytes(p.Request.Number))
			return Blow{Variant: spec.Refuse.Only(), Data: [][]byte{number}}, err
		}}},
	},
	{
		Name:    "second debit by one PIN",
		Threat:  "a terminal for which a PIN was typed once debits again",
		Defence: "a verified PIN serves one debit",
		Clause:  "PROTOCOL.md §3", Card: PINEntered, Answers: sw(spec.SWSecurity),
		Keeps: KeepsLed, Control: pays,
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			first, err := pays.Make(s)
			if err != nil {
				return Blow{}, err
			}
			second, err := pays.Make(s)
			second.Before = []Step{{first.Command(), apdu.OK}}
			return second, err
		}}},
	},
}

// errNotDecided reports that an attack is on what a card has decided, and it has not.
var errNotDecided = errors.New("attack: the card has decided nothing yet")

func paidBefore(s *Setup) Decision     { return s.Paid }
func acceptedBefore(s *Setup) Decision { return s.Accepted }

// again gives a card once more what it has decided on, its signature in another form perhaps, and
// requires the same answer.
func again(
	name string, command *spec.Command, of func(s *Setup) Decision,
	form func(signature.Plain) signature.Plain,
) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		d := of(s)
		if len(d.Data) == 0 {
			return Blow{}, errNotDecided
		}
		blow := Blow{Variant: command.Only(), Data: d.Data, Holds: func(answer []byte) error {
			if !bytes.Equal(answer, d.Answer) {
				return fmt.Errorf("%s was answered otherwise than before", command.Name)
			}
			return nil
		}}
		if form == nil {
			return blow, nil
		}
		blow.Data = append([][]byte{}, d.Data...)
		return resigned(func(*Setup) (Blow, error) { return blow, nil }, 0, 0, form)(s)
	}}
}

// underPaidNumber is another Request of the payee that the card has paid, under the same number.
func underPaidNumber(name string, change func(r *message.Request)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		former, is := s.Paid.Message.(*message.Request)
		if !is {
			return Blow{}, errNotDecided
		}
		r := *former
		change(&r)
		encoded, err := signed(&r, s.Paid.By)
		return pay(encoded, s.Paid.By.Encoded), err
	}}
}

// paidAgain is another Payment of the Request that the card has accepted a Payment of.
func (s *Setup) paidAgain(payer Identity) (Blow, error) {
	former, is := s.Accepted.Message.(*message.Payment)
	if !is {
		return Blow{}, errNotDecided
	}
	p := *former
	p.Payer = payer.id()
	p.ATC++
	encoded, err := signed(&p, payer)
	return accept(encoded, payer.Encoded), err
}
