package attack

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// requests are attacks by REQUEST and REFUSE: a reader has the card ask for what it must not,
// or close what it must not.
var requests = []Attack{
	{
		Name:    "REQUEST to a payer whose id is none",
		Threat:  "the card keeps a record that no host can read, and never synchronises again",
		Defence: "the card checks each character of an id",
		Clause:  "PROTOCOL.md §8, 10", Card: PINEntered, Answers: sw(spec.SWWrongData),
		Ways: strangeNamed(),
	},
	{
		Name:    "REQUEST that is none",
		Threat:  "the parser takes what is not the layout",
		Defence: "every byte is checked before a Request is made",
		Clause:  "PROTOCOL.md §4", Card: PINEntered, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			asking("amount zero", func(s *Setup, _ []byte) ([]byte, error) {
				return s.asking(0, spec.Currency, "")
			}),
			asking("nothing", func(*Setup, []byte) ([]byte, error) { return nil, nil }),
			asking("cut short", func(_ *Setup, good []byte) ([]byte, error) {
				return good[:len(good)-1], nil
			}),
			asking("one byte more", func(_ *Setup, good []byte) ([]byte, error) {
				return append(good, 0), nil
			}),
			asking("another order", func(_ *Setup, good []byte) ([]byte, error) {
				return append(bytes.Clone(good[6:]), good[:6]...), nil
			}),
			asking("a short payer", func(_ *Setup, good []byte) ([]byte, error) {
				return tlv.Append(good, spec.TagDevice, []byte("SENORDIC"))
			}),
			asking("something behind a payer", func(s *Setup, _ []byte) ([]byte, error) {
				data, err := s.asking(s.Amount, spec.Currency, s.NextID(s.Own))
				return append(data, 0), err
			}),
			asking("a payee in the payer's place", func(s *Setup, good []byte) ([]byte, error) {
				return tlv.Append(good, spec.TagPayee, []byte(s.NextID(s.Own)))
			}),
		},
	},
	{
		Name:    "REQUEST in another currency",
		Threat:  "a small amount of one is a large one of another",
		Defence: "the card has one currency",
		Clause:  "PROTOCOL.md §4", Card: PINEntered, Answers: sw(spec.SWCurrency),
		Ways: []Way{asking("euro", func(s *Setup, _ []byte) ([]byte, error) {
			return s.asking(s.Amount, 0x0978, "")
		})},
	},
	{
		Name:    "REQUEST to the card itself",
		Threat:  "money goes in a circle and is counted twice",
		Defence: "payer and payee are two devices",
		Clause:  "PROTOCOL.md §8, 3", Card: PINEntered, Answers: sw(spec.SWSelf),
		Ways: []Way{asking("", func(s *Setup, _ []byte) ([]byte, error) {
			return s.asking(s.Amount, spec.Currency, s.Device)
		})},
	},
	{
		Name:    "REQUEST above the limit for one payment",
		Threat:  "more moves at once than the policy allows",
		Defence: "the limit is looked at before a Request is made",
		Clause:  "PROTOCOL.md §8, 7", Card: PINEntered, Answers: sw(spec.SWPaymentLimit),
		Ways: []Way{
			asking("by one öre", func(s *Setup, _ []byte) ([]byte, error) {
				return s.asking(s.Next.Policy.MaxPayment+1, spec.Currency, "")
			}),
			asking("as far as can be", func(s *Setup, _ []byte) ([]byte, error) {
				return s.asking(message.MaxAmount, spec.Currency, "")
			}),
		},
	},
	{
		Name:    "REQUEST without the PIN",
		Threat:  "a thief of the card fills its log and its balance",
		Defence: "the policy asks for the PIN to receive",
		Clause:  "PROTOCOL.md §3", Card: Active, Answers: sw(spec.SWSecurity),
		Ways: []Way{asking("", func(_ *Setup, good []byte) ([]byte, error) {
			return good, nil
		})},
	},
	{
		Name:    "REFUSE that is none",
		Threat:  "the parser takes what is not the layout",
		Defence: "every byte is checked before a Request is closed",
		Clause:  "PROTOCOL.md §4", Card: Asking, Answers: sw(spec.SWWrongData),
		Control: refuses,
		Ways: []Way{
			refusing("cut short", func(number []byte) []byte { return number[:len(number)-1] }),
			refusing("one byte more", func(number []byte) []byte { return append(number, 0) }),
			refusing("nothing", func([]byte) []byte { return nil }),
		},
	},
	{
		Name:    "REFUSE of a Request that the card never made",
		Threat:  "a Refusal is shown for a Request that comes later",
		Defence: "the card knows its open Requests",
		Clause:  "PROTOCOL.md §8, 5", Card: Asking, Answers: sw(spec.SWReferenceUnknown),
		Control: refuses,
		Ways: []Way{refusing("the next", func(number []byte) []byte {
			number[len(number)-1]++
			return number
		})},
	},
}

// asking is the data of REQUEST; payer may be empty.
func (s *Setup) asking(amount money.Ore, currency uint16, payer message.DeviceID) ([]byte, error) {
	data, err := tlv.Append(nil, spec.TagAmount, binary.BigEndian.AppendUint32(nil, uint32(amount)))
	if err != nil {
		return nil, err
	}
	data, err = tlv.Append(data, spec.TagCurrency, binary.BigEndian.AppendUint16(nil, currency))
	if err != nil || payer == "" {
		return data, err
	}
	return tlv.Append(data, spec.TagDevice, []byte(payer))
}

// asking is a REQUEST that was good before the change.
func asking(name string, change func(s *Setup, good []byte) ([]byte, error)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		good, err := s.asking(s.Amount, spec.Currency, "")
		if err != nil {
			return Blow{}, err
		}
		data, err := change(s, good)
		return Blow{Variant: spec.RequestPayment.Only(), Data: [][]byte{data}}, err
	}}
}

// refusing is a REFUSE of the card's open Request, changed.
func refusing(name string, change func(number []byte) []byte) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		if s.Asked == nil {
			return Blow{}, errNotAsked
		}
		number, err := tlv.Append(
			nil, spec.TagNumber, binary.BigEndian.AppendUint32(nil, s.Asked.Number),
		)
		if err != nil {
			return Blow{}, err
		}
		return Blow{Variant: spec.Refuse.Only(), Data: [][]byte{change(number)}}, nil
	}}
}

// strangeNamed are Requests to ids that are not valid.
func strangeNamed() []Way {
	var ways []Way
	for _, odd := range besideIDs {
		for _, at := range []int{0, spec.NameLength - 1, spec.DeviceIDLength - 1} {
			name := fmt.Sprintf("%02X at %d", odd, at)
			ways = append(ways, asking(name, func(s *Setup, _ []byte) ([]byte, error) {
				id := []byte(s.NextID(s.Own))
				id[at] = odd
				return s.asking(s.Amount, spec.Currency, message.DeviceID(id))
			}))
		}
	}
	return ways
}
