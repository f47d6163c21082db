package attack

import (
	"bytes"
	"fmt"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// challenges are attacks by GET STATE: a Challenge that the card must not answer, as it opens
// the records and balance.
var challenges = []Attack{
	{
		Name:    "Challenge with a wrong signature",
		Threat:  "anybody reads what the card holds",
		Defence: "the card verifies it by its intermediary's key",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWSignature),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			return s.challenged(
				s.Own.InstructionKey,
				s.Device,
				func(c *message.Challenge) { c.Signature = broken(c.Signature) },
			)
		}}},
	},
	{
		Name:    "Challenge of another intermediary",
		Threat:  "another bank reads what the card holds",
		Defence: "the card knows its own intermediary's key alone",
		Clause:  "PROTOCOL.md §2", Card: Active, Answers: sw(spec.SWReferenceUnknown),
		Stranger: true,
		Ways: []Way{
			{
				"",
				func(s *Setup) (Blow, error) {
					return s.challenged(s.Foreign.InstructionKey, s.Device, nil)
				},
			},
		},
	},
	{
		Name:    "Challenge for another card",
		Threat:  "a State is taken for another's",
		Defence: "the Challenge names its device",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWAddressee),
		Ways: []Way{
			{
				"",
				func(s *Setup) (Blow, error) {
					return s.challenged(s.Own.InstructionKey, s.NextID(s.Own), nil)
				},
			},
		},
	},
	{
		Name:    "Challenge that was heard",
		Threat:  "a stranger learns which card this is: that which answers",
		Defence: "a Challenge names a session; any other gets the answer that every card gives",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWConditions),
		Ways: []Way{
			{"this card's", func(s *Setup) (Blow, error) { return s.heard(s.Device) }},
			{"another's", func(s *Setup) (Blow, error) { return s.heard(s.NextID(s.Own)) }},
		},
	},
	{
		Name:    "Challenge that is none",
		Threat:  "the parser takes what is not the layout",
		Defence: "every byte is checked before a signature is",
		Clause:  "PROTOCOL.md §4", Card: Active, Answers: sw(spec.SWWrongData),
		Stranger: true,
		Ways: []Way{
			cutChallenge("cut short", func(good []byte) []byte { return good[:len(good)-1] }),
			cutChallenge("nothing", func([]byte) []byte { return nil }),
			cutChallenge(
				"one byte more",
				func(good []byte) []byte { return append(bytes.Clone(good), 0) },
			),
			forgedChallenge("another type", func(body []byte) error {
				body[0] = byte(spec.TagInstruction)
				return nil
			}),
		},
	},
}

// heard is a Challenge of another session.
func (s *Setup) heard(device message.DeviceID) (Blow, error) {
	former := *s
	former.Nonce[0] ^= 1
	return former.challenged(s.Own.InstructionKey, device, nil)
}

// challenged is a Challenge, changed after it was signed.
func (s *Setup) challenged(
	by Identity, device message.DeviceID, change func(c *message.Challenge),
) (Blow, error) {
	c := &message.Challenge{InstructionKey: by.reference(), Device: device, Nonce: s.Nonce}
	if err := entropy.Fill(s.Random, c.Random[:]); err != nil {
		return Blow{}, fmt.Errorf("attack: %w", err)
	}
	if err := message.Sign(c, by.Signer); err != nil {
		return Blow{}, err
	}
	if change != nil {
		change(c)
	}
	encoded, err := message.Encode(c)
	return Blow{Variant: spec.GetState.Only(), Data: [][]byte{encoded}}, err
}

func cutChallenge(name string, change func(good []byte) []byte) Way {
	return cut(name, func(s *Setup) (Blow, error) {
		return s.challenged(s.Own.InstructionKey, s.Device, nil)
	}, change)
}
