package attack

import (
	"context"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
)

// The attacks of a dishonest intermediary, or of a thief of its instruction key: it asks the notary
// for an Instruction against the rules. Its own money it may give away.
var (
	ForeignCredit = Attack{
		Name:    "credit for another intermediary's device",
		Threat:  "a bank loads a card for which another is liable",
		Defence: "the notary co-signs for the device's own intermediary",
		Clause:  "PROTOCOL.md §8, 11",
		Answers: []error{notary.NotYours},
		Ways: []Way{credit("", func(s *Setup, i *message.Instruction) {
			i.Device = s.ForeignDevice
		})},
	}
	CreditOfMoreThanIssued = Attack{
		Name:    "credit of more than there is",
		Threat:  "a bank creates money",
		Defence: "the credit is moved from its online holding first",
		Clause:  "PROTOCOL.md §8, 1",
		Answers: []error{notary.Funds},
		Ways: []Way{
			credit("than was ever issued", func(s *Setup, i *message.Instruction) {
				i.Credit = min(s.Issued+1, message.MaxAmount)
			}),
			credit("than the bank's holding", func(s *Setup, i *message.Instruction) {
				i.Credit = s.Holding + 1
			}),
		},
	}
	SecondInstruction = Attack{
		Name:    "second Instruction of one number",
		Threat:  "one credit is reserved, and a card that was copied takes two",
		Defence: "a device and number have one body, for ever",
		Clause:  "PROTOCOL.md §8, 5",
		Answers: []error{notary.Taken},
		Ways: []Way{credit("", func(s *Setup, i *message.Instruction) {
			i.Sequence = s.Used
		})},
	}
	InstructionOutOfTurn = Attack{
		Name:    "Instruction out of sequence",
		Threat:  "a credit is reserved that the card never takes",
		Defence: "only the next number is signed, when the last is known to be applied",
		Clause:  "PROTOCOL.md §8, 6",
		Answers: []error{notary.Sequence},
		Ways: []Way{
			credit("", func(_ *Setup, i *message.Instruction) { i.Sequence++ }),
		},
	}
	ForgottenPayments = Attack{
		Name:    "Instruction over records that the notary does not hold",
		Threat:  "a card drops payments that nobody has settled",
		Defence: "number and head are those of records that the notary holds",
		Clause:  "PROTOCOL.md §8, 8",
		Answers: []error{notary.Head},
		Ways: []Way{
			credit("number and head of none", func(s *Setup, i *message.Instruction) {
				i.AckedATC, i.Head = s.ATC+1, message.Hash{1}
			}),
			credit("a later number", func(_ *Setup, i *message.Instruction) { i.AckedATC++ }),
			credit("another head", func(_ *Setup, i *message.Instruction) { i.Head[0] ^= 1 }),
		},
	}
	InstructionOfAnotherDay = Attack{
		Name:    "Instruction of another day than today's",
		Threat:  "a card takes every certificate for expired, for ever",
		Defence: "the notary checks its own clock, and the last date",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Date},
		Ways: []Way{
			credit("tomorrow", func(_ *Setup, i *message.Instruction) {
				i.Date = i.Date.AddDays(1)
			}),
			credit("yesterday", func(_ *Setup, i *message.Instruction) {
				i.Date = i.Date.AddDays(-1)
			}),
		},
	}
	InstructionThatTheCardRefuses = Attack{
		Name:    "Instruction that the card would refuse",
		Threat:  "its number is used up, and the card never synchronises again",
		Defence: "the notary checks ceilings and actions as the card does",
		Clause:  "PROTOCOL.md §8, 10",
		Answers: []error{notary.Policy},
		Ways: []Way{
			credit("a policy over the ceilings", func(s *Setup, i *message.Instruction) {
				i.Policy = s.Ceilings
				i.Policy.Version, i.Policy.MaxBalance = 1, s.Ceilings.MaxBalance+1
			}),
			credit("a credit and a block", func(_ *Setup, i *message.Instruction) {
				i.Actions = spec.ActionBlock
			}),
		},
	}
	InstructionOfNobody = Attack{
		Name:    "Instruction by or for an unknown party",
		Threat:  "a credit goes to no card, or to a card of another notary",
		Defence: "the notary knows devices by their registration, and its own name",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Unknown},
		Ways: []Way{
			credit("another notary", func(_ *Setup, i *message.Instruction) {
				i.Notary = "SENOTARY00002"
			}),
			credit("an id that no device has", func(s *Setup, i *message.Instruction) {
				i.Device = nobodyOf(i.Device)
			}),
		},
	}
	InstructionByAnotherKey = Attack{
		Name:    "Instruction by another key than it names",
		Threat:  "a bank instructs in the name of another",
		Defence: "the notary verifies it by the key that has joined under that name",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Signature},
		Ways: []Way{
			credit("another intermediary's", func(s *Setup, i *message.Instruction) {
				i.InstructionKey = s.ForeignKey
			}),
			credit("one that never joined", func(_ *Setup, i *message.Instruction) {
				i.InstructionKey = i.InstructionKey[:spec.NameLength] + "00009"
			}),
		},
	}
	InstructionOfAnotherCrisis = Attack{
		Name:    "Instruction that names another crisis order or group than the notary's",
		Threat:  "a bank keeps its cards at the limits of a crisis that is over, or of others",
		Defence: "the notary signs the lowest number and the group that it has itself",
		Clause:  "PROTOCOL.md §8, 12",
		Answers: []error{notary.Policy},
		Ways: []Way{
			credit("a lower number", func(_ *Setup, i *message.Instruction) { i.OrderNumber-- }),
			credit("a higher number", func(_ *Setup, i *message.Instruction) { i.OrderNumber++ }),
			credit("another group", func(_ *Setup, i *message.Instruction) { i.Group++ }),
		},
	}
	// CreditWithoutOrder is for a device of its own, and within the rules.
	CreditWithoutOrder = Attack{
		Name:    "credit that no customer has ordered",
		Threat:  "a bank gives money away",
		Defence: "the bank pays it from its own online holding",
		Clause:  "PROTOCOL.md §8, 1",
		Answers: []error{nil},
		Keeps:   KeepsRules,
		Ways:    []Way{credit("", nil)},
	}
)

// Instructions returns the attacks by an Instruction that the notary must not sign.
func Instructions() []Attack {
	return []Attack{
		ForeignCredit, CreditOfMoreThanIssued, SecondInstruction, InstructionOutOfTurn,
		ForgottenPayments, InstructionOfAnotherDay, InstructionThatTheCardRefuses,
		InstructionOfNobody, InstructionByAnotherKey, InstructionOfAnotherCrisis,
	}
}

// credit returns an Instruction with a credit, changed before the intermediary signs it.
func credit(name string, change func(s *Setup, i *message.Instruction)) Way {
	return Way{name, func(s *Setup) (Call, error) {
		i := s.Next
		i.Credit = s.Amount
		if change != nil {
			change(s, &i)
		}
		raw, err := envelope.Sign(&i, s.InstructionKey)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, on Services) error {
			_, err := on.Notary.CoSign(ctx, s.Order, raw)
			return err
		}, nil
	}}
}

// StolenDeviceKey is the key of a card or terminal that signs what its device would not. It binds
// its own device: no money of another device may move.
var StolenDeviceKey = Attack{
	Name:    "message by the stolen key of a device",
	Threat:  "a thief pays, accepts or refuses in the name of the device",
	Defence: "as a payee the key moves nothing that was not paid to it, as a payer its own wallet",
	Clause:  "PROTOCOL.md §8, 11",
	Answers: []error{
		nil, notary.Self, notary.Signature, notary.Malformed, notary.Unknown,
	},
	Keeps: KeepsRules,
	Ways:  []Way{StolenPayment, StolenReceipt, StolenRefusal},
}

// The ways of [StolenDeviceKey].
var (
	StolenPayment = Way{"a Payment", func(s *Setup) (Call, error) {
		if s.Request == nil {
			return nil, errors.New("attack: no Request was seen yet")
		}
		return s.submitted(&message.Payment{Payer: s.Stolen, ATC: s.Number, Request: *s.Request})
	}}
	StolenReceipt = Way{"a Receipt", func(s *Setup) (Call, error) {
		if s.Payment == nil {
			return nil, errors.New("attack: no Payment was seen yet")
		}
		identity, err := message.Identity(s.Payment)
		if err != nil {
			return nil, err
		}
		return s.submitted(&message.Receipt{
			Payee: s.Stolen, ATC: s.Number, Payer: s.Payment.Payer, Number: s.Asked,
			Payment: identity,
		})
	}}
	StolenRefusal = Way{"a Refusal", func(s *Setup) (Call, error) {
		return s.submitted(&message.Refusal{Payee: s.Stolen, ATC: s.Number, Number: s.Asked})
	}}
)

// submitted returns a message that the stolen key signs.
func (s *Setup) submitted(m message.Message) (Call, error) {
	raw, err := envelope.Sign(m, s.DeviceKey)
	if err != nil {
		return nil, err
	}
	return submit(raw), nil
}

// submit hands one item to the notary.
func submit(item []byte) Call {
	return func(ctx context.Context, on Services) error {
		answers, err := on.Notary.Submit(ctx, [][]byte{item})
		for _, a := range answers {
			err = errors.Join(err, a.Err)
		}
		return err
	}
}

// CorruptedRecord is the payee's Receipt for a Payment together with the Payment as somebody on the
// way has corrupted it: the signed body is unchanged, the payer's signature is not. Anybody who has
// the Receipt can make it. The notary keeps it, and the true Payment replaces it later.
var CorruptedRecord = Attack{
	Name:    "accept record with a wrong signature of the payer",
	Threat:  "the only proof of a payment is kept out, and the payee or the payer loses it",
	Defence: "nothing moves before the payer's signature is verified; the true record proves it",
	Clause:  "PROTOCOL.md §8, 4",
	Answers: []error{notary.Signature},
	Ways: []Way{{"", func(s *Setup) (Call, error) {
		if s.Receipt == nil || s.Payment == nil {
			return nil, errors.New("attack: no Payment was accepted yet")
		}
		item, err := Corrupted(s.Receipt, s.Payment)
		if err != nil {
			return nil, err
		}
		return submit(item), nil
	}}},
}

// Corrupted returns the item of [CorruptedRecord].
func Corrupted(r *message.Receipt, p *message.Payment) ([]byte, error) {
	corrupted := *p
	corrupted.Signature[9] ^= 1
	receipt, err := message.Encode(r)
	if err != nil {
		return nil, err
	}
	payment, err := message.Encode(&corrupted)
	return append(receipt, payment...), err
}
