package attack

import (
	"bytes"
	"errors"
	"math"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// instructions are attacks by INSTRUCTION: one that the card must not apply.
var instructions = []Attack{
	{
		Name:    "Instruction without both signatures",
		Threat:  "an intermediary raises a balance alone",
		Defence: "intermediary and notary sign, each with its own key",
		Clause:  "PROTOCOL.md §8, 11",
		Card:    Active, Answers: sw(spec.SWSignature),
		Ways: []Way{
			instructed(
				"intermediary's wrong",
				func(_ *Setup, i *message.Instruction) {
					i.IntermediarySignature = broken(i.IntermediarySignature)
				},
			),
			instructed(
				"notary's wrong",
				func(_ *Setup, i *message.Instruction) {
					i.NotarySignature = broken(i.NotarySignature)
				},
			),
			instructed(
				"notary's twice",
				func(_ *Setup, i *message.Instruction) {
					i.IntermediarySignature = i.NotarySignature
				},
			),
			instructed(
				"intermediary's twice",
				func(_ *Setup, i *message.Instruction) {
					i.NotarySignature = i.IntermediarySignature
				},
			),
			OverCredit,
		},
	},
	{
		Name:    "Instruction by a key that the card does not know for it",
		Threat:  "another bank instructs the card, or the intermediary names itself as the notary",
		Defence: "the card remembers its own intermediary's key and the notary's by role",
		Clause:  "PROTOCOL.md §2",
		Card:    Active, Answers: sw(spec.SWReferenceUnknown),
		Ways: []Way{
			signedAfter(
				"another bank's key",
				func(s *Setup, i *message.Instruction) {
					i.InstructionKey = s.Foreign.InstructionKey.reference()
				},
			),
			signedAfter(
				"another notary",
				func(_ *Setup, i *message.Instruction) { i.Notary = "SENOTARY00009" },
			),
			OwnNotary,
		},
	},
	{
		Name:    "Instruction out of turn",
		Threat:  "a credit is taken twice",
		Defence: "the card's sequence only grows, by one",
		Clause:  "PROTOCOL.md §8, 6", Card: Active, Answers: sw(spec.SWSequence),
		Ways: []Way{
			ReplayedInstruction,
			signedAfter("zero", func(_ *Setup, i *message.Instruction) { i.Sequence = 0 }),
			signedAfter("the last", func(_ *Setup, i *message.Instruction) { i.Sequence-- }),
			signedAfter(
				"the one after the next",
				func(_ *Setup, i *message.Instruction) { i.Sequence++ },
			),
			signedAfter(
				"the greatest",
				func(_ *Setup, i *message.Instruction) { i.Sequence = math.MaxUint32 },
			),
		},
	},
	{
		Name:    "Instruction that was heard",
		Threat:  "a stranger learns which card this is: that which has had it, or is to have it",
		Defence: "a card looks at Instructions only after it has answered a Challenge",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWConditions),
		Stranger: true,
		Ways: []Way{
			{"the next", func(s *Setup) (Blow, error) {
				blow, err := s.twoSigned(s.Next, s.Notary, nil)
				blow.Heard = true
				return blow, err
			}},
			{"one that it had before", func(s *Setup) (Blow, error) {
				blow, err := ReplayedInstruction.Make(s)
				blow.Heard = true
				return blow, err
			}},
		},
	},
	{
		Name:    "Instruction for another card",
		Threat:  "a credit is taken by two",
		Defence: "the Instruction names its device",
		Clause:  "PROTOCOL.md §8, 9", Card: Active, Answers: sw(spec.SWAddressee),
		Ways: []Way{
			signedAfter("", func(s *Setup, i *message.Instruction) { i.Device = s.NextID(s.Own) }),
		},
	},
	{
		Name:    "Instruction that does not fit the chain",
		Threat:  "records are dropped that were never handed over",
		Defence: "number and head are those of a record that the card keeps",
		Clause:  "PROTOCOL.md §8, 8",
		Card:    Active,
		Answers: sw(spec.SWHead),
		Ways: []Way{
			signedAfter(
				"after the last record",
				func(_ *Setup, i *message.Instruction) { i.AckedATC++ },
			),
			signedAfter("far beyond", func(_ *Setup, i *message.Instruction) { i.AckedATC += 256 }),
			signedAfter("another head", func(_ *Setup, i *message.Instruction) { i.Head[0] ^= 1 }),
			misfit("before what is acknowledged", func(last int) (int, int) {
				return last - 2, last - 2
			}),
			misfit("another number's head", func(last int) (int, int) {
				return last, last - 1
			}),
			misfit("a later head, nothing acknowledged", func(last int) (int, int) {
				return last - 1, last
			}),
		},
	},
	{
		Name:    "Instruction of a policy that the card must not have",
		Threat:  "an intermediary and the notary, or who has both keys, lift the card's limits",
		Defence: "ceilings are in the card for good, and a policy's version only grows",
		Clause:  "PROTOCOL.md §8, 7", Card: Active, Answers: sw(spec.SWPolicy),
		Ways: []Way{
			overCeiling("balance", func(p *message.Policy) { p.MaxBalance++ }),
			overCeiling("far above", func(p *message.Policy) { p.MaxBalance = message.MaxAmount }),
			overCeiling("transactions", func(p *message.Policy) { p.MaxTransactions++ }),
			overCeiling("transactions, above a signed number", func(p *message.Policy) {
				p.MaxTransactions |= 0x8000
			}),
			overCeiling("payment", func(p *message.Policy) { p.MaxPayment++ }),
			overCeiling("spent", func(p *message.Policy) { p.MaxSpent++ }),
			signedAfter("the version before", func(_ *Setup, i *message.Instruction) {
				i.Policy.Version--
			}),
			signedAfter("version zero", func(_ *Setup, i *message.Instruction) {
				i.Policy.Version = 0
			}),
		},
	},
	{
		Name:    "Instruction of a day that cannot be",
		Threat:  "expired certificates count again, or every certificate counts as expired",
		Defence: "the date only grows, and ends with the certificates of who signs",
		Clause:  "PROTOCOL.md §8, 6", Card: Active, Answers: sw(spec.SWDate),
		Ways: []Way{
			signedAfter("before the card's date", func(_ *Setup, i *message.Instruction) {
				i.Date = i.Date.AddDays(-1)
			}),
			signedAfter("after the notary's end", func(s *Setup, i *message.Instruction) {
				i.Date = s.Notary.Certificate.Expiry.AddDays(1)
			}),
		},
	},
	{
		Name:    "Instruction that is none",
		Threat:  "the parser takes what is not the layout",
		Defence: "every byte is checked before a signature is",
		Clause:  "PROTOCOL.md §4", Card: Active, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			cutInstruction("cut short", func(good []byte) []byte { return good[:len(good)-1] }),
			cutInstruction("nothing", func([]byte) []byte { return nil }),
			cutInstruction(
				"one byte more",
				func(good []byte) []byte { return append(bytes.Clone(good), 0) },
			),
			cutInstruction(
				"one signature",
				func(good []byte) []byte { return good[:len(good)-signatureObject] },
			),
			forgedInstruction(
				"block and unblock",
				put([]byte{byte(spec.TagActions), 1}, 0, 0x03),
			),
			forgedInstruction(
				"an unknown action",
				put([]byte{byte(spec.TagActions), 1}, 0, 0x20),
			),
			forgedInstruction(
				"all actions",
				put([]byte{byte(spec.TagActions), 1}, 0, 0xFF),
			),
			forgedInstruction(
				"a date that is none",
				put([]byte{0x5F, 0x25, spec.DateLength}, spec.DateLength-1, 0x0A),
			),
		},
	},
}

// OverCredit is an Instruction on which the notary's signature is the intermediary's.
var OverCredit = Way{"the intermediary signs for the notary", func(s *Setup) (Blow, error) {
	return s.alone(s.Next, s.Notary)
}}

// OwnNotary is an Instruction on which the intermediary names itself as the notary.
var OwnNotary = Way{"the intermediary is the notary", func(s *Setup) (Blow, error) {
	i := s.Next
	i.Notary = i.InstructionKey
	return s.alone(i, s.Own.InstructionKey)
}}

// ReplayedInstruction is an Instruction of old, of the card's own or another's.
var ReplayedInstruction = Way{"one that it had before", func(s *Setup) (Blow, error) {
	if s.Former == nil {
		return Blow{}, errors.New("attack: no Instruction was made yet")
	}
	return instruct(s.Former), nil
}}

func instruct(instruction []byte) Blow {
	return Blow{Variant: spec.Instruct.Only(), Data: [][]byte{instruction}}
}

// alone is an Instruction that the intermediary has signed twice.
func (s *Setup) alone(i message.Instruction, notary Identity) (Blow, error) {
	blow, err := s.twoSigned(i, s.Own.InstructionKey, nil)
	blow.Authorities = [][]byte{s.Own.InstructionKey.Encoded}
	if !bytes.Equal(notary.Encoded, s.Own.InstructionKey.Encoded) {
		blow.Authorities = append(blow.Authorities, notary.Encoded)
	}
	return blow, err
}

// twoSigned is an Instruction with the signatures of the intermediary and of notary,
// changed then.
func (s *Setup) twoSigned(
	i message.Instruction, notary Identity, change func(i *message.Instruction),
) (Blow, error) {
	if err := message.SignAs(&i, message.ByIntermediary, s.Own.InstructionKey.Signer); err != nil {
		return Blow{}, err
	}
	if err := message.SignAs(&i, message.ByNotary, notary.Signer); err != nil {
		return Blow{}, err
	}
	if change != nil {
		change(&i)
	}
	encoded, err := message.Encode(&i)
	return instruct(encoded), err
}

// instructed changes the Instruction after it was signed, signedAfter before.
func instructed(name string, change func(s *Setup, i *message.Instruction)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		return s.twoSigned(s.Next, s.Notary, func(i *message.Instruction) { change(s, i) })
	}}
}

func signedAfter(name string, change func(s *Setup, i *message.Instruction)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		i := s.Next
		change(s, &i)
		return s.twoSigned(i, s.Notary, nil)
	}}
}

// misfit is an Instruction with the number of one record and the head of another, of the last
// and those before it.
func misfit(name string, of func(last int) (number, head int)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		last := len(s.Heads) - 1
		if last < 2 {
			return Blow{}, errors.New("attack: the card has fewer than two records")
		}
		number, head := of(last)
		i := s.Next
		i.AckedATC, i.Head = uint32(number), s.Heads[head]
		return s.twoSigned(i, s.Notary, nil)
	}}
}

// overCeiling is a later policy that is at the card's ceilings but for one of them.
func overCeiling(name string, change func(p *message.Policy)) Way {
	return signedAfter("above the ceilings: "+name, func(s *Setup, i *message.Instruction) {
		version := i.Policy.Version + 1
		i.Policy = s.Ceilings
		i.Policy.Version = version
		change(&i.Policy)
	})
}

func cutInstruction(name string, change func(good []byte) []byte) Way {
	return cut(name, func(s *Setup) (Blow, error) {
		return s.twoSigned(s.Next, s.Notary, nil)
	}, change)
}

// forgedInstruction is an Instruction whose signers both sign a malformed body.
func forgedInstruction(name string, change func(body []byte) error) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		blow, err := s.twoSigned(s.Next, s.Notary, nil)
		if err != nil {
			return Blow{}, err
		}
		one := blow.Data[0][:len(blow.Data[0])-signatureObject]
		first, err := forge(one, s.Own.InstructionKey.Signer, change)
		if err != nil {
			return Blow{}, err
		}
		second, err := forge(one, s.Notary.Signer, change)
		if err != nil {
			return Blow{}, err
		}
		return instruct(append(first, second[len(second)-signatureObject:]...)), nil
	}}
}
