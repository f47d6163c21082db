package attack

import (
	"bytes"
	"fmt"
	"slices"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// enciphered are attacks by a PIN that is enciphered to the card, each on every command that
// takes one. None of them may use up a try, or a reader could block the PIN of any card.
var enciphered = []Attack{
	{
		Name:    "enciphered PIN that was altered",
		Threat:  "a reader tries PINs, or blocks them, without knowing any",
		Defence: "the MAC is verified before a try is taken",
		Clause:  "PROTOCOL.md §9, §3", Card: Active, Answers: sw(spec.SWMACWrong),
		Ways: slices.Concat(
			encipheredWays("MAC", flipped),
			encipheredWays("cryptogram", func(b []byte) []byte {
				b = bytes.Clone(b)
				b[2+spec.PointLength+2] ^= 1
				return b
			}),
		),
	},
	{
		Name:    "enciphered PIN that is none",
		Threat:  "a try is taken for nothing, or a PIN is set that nobody can enter",
		Defence: "layout and block are checked before a try is taken",
		Clause:  "PROTOCOL.md §4", Card: Active, Answers: sw(spec.SWWrongData),
		Ways: slices.Concat(
			encipheredWays("cut short", func(b []byte) []byte { return b[:len(b)-1] }),
			encipheredWays("one byte more", func(b []byte) []byte {
				return append(bytes.Clone(b), 0)
			}),
			encipheredBlocks(),
		),
	},
	{
		Name:    "enciphered PIN for another challenge",
		Threat:  "a PIN that was listened to is entered again",
		Defence: "the card's random number is within, and counts once",
		Clause:  "PROTOCOL.md §9, §3", Card: Active, Answers: sw(spec.SWWrongData),
		Ways: encipheredFor("", func(s *Setup, c *[spec.NonceLength]byte, _ [][]byte) {
			c[0] ^= 1
		}, bytes.Clone),
	},
}

// PINToNoPoint is an enciphered PIN whose sender's point is none. It has a name of its own for
// targets whose platform takes such points.
var PINToNoPoint = Attack{
	Name:    "enciphered PIN with a point that is none",
	Threat:  "whoever chose the point learns something of the card's PIN key",
	Defence: "the card takes uncompressed points on the curve alone, before a try is taken",
	Clause:  "PROTOCOL.md §2", Card: Active, Answers: sw(spec.SWWrongData),
	Ways: slices.Concat(
		encipheredPoint("off the curve", func(point []byte) { point[len(point)-1] ^= 1 }),
		encipheredPoint("compressed", func(point []byte) { point[0] = 0x02 }),
		encipheredPoint("infinity", func(point []byte) { clear(point) }),
		encipheredPoint("x of no field", func(point []byte) {
			prime.FillBytes(point[1 : 1+spec.ScalarLength])
		}),
		encipheredPoint("its own inverse", func(point []byte) {
			clear(point[1+spec.ScalarLength:])
		}),
	),
}

// encipheredPoint are enciphered PINs with another point of the sender.
func encipheredPoint(name string, change func(point []byte)) []Way {
	return encipheredWays(name, func(data []byte) []byte {
		data = bytes.Clone(data)
		change(data[2 : 2+spec.PointLength])
		return data
	})
}

// pinCommands are those that take an enciphered PIN, with the blocks that succeed.
func (s *Setup) pinBlocks(c *spec.Command) [][]byte {
	switch c {
	case spec.Verify:
		return [][]byte{s.PIN}
	case spec.ChangeReferenceData:
		return [][]byte{s.PIN, s.PIN}
	default:
		return [][]byte{s.PUK, s.PIN}
	}
}

// encipheredWays are enciphered PINs, changed then.
func encipheredWays(name string, change func(data []byte) []byte) []Way {
	return encipheredFor(name+", ", nil, change)
}

// encipheredBlocks are invalid PIN blocks in place of the new PIN.
func encipheredBlocks() []Way {
	var ways []Way
	for _, none := range noBlocks {
		ways = append(ways, encipheredFor(none.name+", ",
			func(_ *Setup, _ *[spec.NonceLength]byte, blocks [][]byte) {
				blocks[len(blocks)-1] = none.block
			}, bytes.Clone)...)
	}
	return ways
}

// encipheredFor is a way for each command; before changes challenge or blocks, after the data.
func encipheredFor(
	prefix string, before func(s *Setup, challenge *[spec.NonceLength]byte, blocks [][]byte),
	after func(data []byte) []byte,
) []Way {
	var ways []Way
	for _, c := range []*spec.Command{
		spec.Verify, spec.ChangeReferenceData, spec.ResetRetryCounter,
	} {
		ways = append(ways, Way{prefix + c.Name, func(s *Setup) (Blow, error) {
			v, found := c.Variant("enciphered")
			if !found {
				return Blow{}, fmt.Errorf("attack: %s takes no enciphered PIN", c.Name)
			}
			answer := func(challenge [spec.NonceLength]byte) ([]byte, error) {
				blocks := s.pinBlocks(c)
				if before != nil {
					before(s, &challenge, blocks)
				}
				var typed []pin.Block
				for _, block := range blocks {
					typed = append(typed, pin.Block(block))
				}
				data, err := pin.Encipher(s.Random, s.PINKey, challenge, typed...)
				if err != nil {
					return nil, err
				}
				return after(data), nil
			}
			return Blow{Variant: v, ToChallenge: answer}, nil
		}})
	}
	return ways
}
