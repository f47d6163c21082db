package attack

import (
	"bytes"
	"crypto/ecdh"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// pairs are attacks on PAIR and MUTUAL AUTHENTICATE. None may take a try of the PIN, nor end the
// pair that there is.
var pairs = []Attack{
	{
		Name:    "PAIR that was heard in another session",
		Threat:  "a lost phone is paired again, or whoever listened pairs",
		Defence: "the session's nonce is within, and counts once",
		Clause:  "PROTOCOL.md §5, pairing; model/pair.pml PAIR_ANY_SESSION",
		Card:    Paired, Answers: sw(spec.SWWrongData),
		Ways: pairWays("", func(p *pairing.Pairing, s *Setup, nonce message.Nonce) ([]byte, error) {
			nonce[0] ^= 1
			return p.Command(pin.Block(s.PIN), nonce)
		}),
	},
	{
		Name:    "PAIR that was altered",
		Threat:  "who stands between pairs a phone that has no key, or tries PINs",
		Defence: "the MAC is verified before a try is taken",
		Clause:  "PROTOCOL.md §5, pairing", Card: Paired, Answers: sw(spec.SWMACWrong),
		Ways: append(
			pairWays("MAC", changedPair(func(b []byte) { b[len(b)-1] ^= 1 })),
			pairWays("cryptogram", changedPair(func(b []byte) {
				b[2+spec.PointLength+2] ^= 1
			}))...),
	},
	{
		Name:    "PAIR with a point that is none",
		Threat:  "whoever chose the point learns something of the card's PIN key",
		Defence: "the card takes uncompressed points alone, before a try is taken",
		Clause:  "PROTOCOL.md §2", Card: Paired, Answers: sw(spec.SWWrongData),
		Ways: append(
			pairWays("compressed", changedPair(func(b []byte) { b[2] = 0x02 })),
			pairWays("infinity", changedPair(func(b []byte) {
				clear(b[2 : 2+spec.PointLength])
			}))...),
	},
	{
		Name:    "PAIR with a PIN block that is none",
		Threat:  "a try is taken for what nobody can have typed",
		Defence: "the block is checked before a try is taken",
		Clause:  "PROTOCOL.md §4", Card: Paired, Answers: sw(spec.SWWrongData),
		Ways: noBlockPairs(),
	},
	{
		Name: "PAIR of the data of VERIFY",
		Threat: "who stands between makes a PAIR of a VERIFY: the card is paired with a key that " +
			"no phone has",
		Defence: "the MAC's key is hashed with a label of PAIR's own",
		Clause:  "PROTOCOL.md §5, pairing; model/pair.pml", Card: Paired,
		Answers: sw(spec.SWMACWrong),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			return Blow{Variant: spec.Pair.Only(),
				ToChallenge: func(nonce [spec.NonceLength]byte) ([]byte, error) {
					return pin.Encipher(s.Random, s.PINKey, nonce, pin.Block(s.PIN))
				}}, nil
		}}},
	},
	{
		Name:    "VERIFY of the data of PAIR",
		Threat:  "who stands between has the PIN of a PAIR open the card",
		Defence: "the MAC's key is hashed with a label of the command's own",
		Clause:  "PROTOCOL.md §5, pairing", Card: Paired, Answers: sw(spec.SWMACWrong),
		Control: verifiesEnciphered.on(Paired),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			blow, err := pairBlow(s, func(p *pairing.Pairing, nonce message.Nonce) ([]byte, error) {
				return p.Command(pin.Block(s.PIN), nonce)
			})
			blow.Variant, _ = spec.Verify.Variant("enciphered")
			return blow, err
		}}},
	},
	{
		Name:    "MUTUAL AUTHENTICATE without the pair key",
		Threat:  "a stranger reads balance and log, and learns whether the card is paired",
		Defence: "the phone proves the key first; one answer, whatever is wrong",
		Clause:  "PROTOCOL.md §5, pairing", Card: Paired, Answers: sw(spec.SWNotPaired),
		Control: authenticates,
		Ways: []Way{
			authenticateWay("another phone's key", func(s *Setup) ([]byte, error) {
				key := s.PairKey
				key[0] ^= 1
				return authenticate(s, key, s.Nonce)
			}),
			authenticateWay("no key", func(s *Setup) ([]byte, error) {
				return authenticate(s, pairing.Key{}, s.Nonce)
			}),
			authenticateWay("heard in another session", func(s *Setup) ([]byte, error) {
				nonce := s.Nonce
				nonce[len(nonce)-1] ^= 1
				return authenticate(s, s.PairKey, nonce)
			}),
			authenticateWay("MAC", func(s *Setup) ([]byte, error) {
				data, err := authenticate(s, s.PairKey, s.Nonce)
				return flipped(data), err
			}),
			authenticateWay("another nonce of the phone's", func(s *Setup) ([]byte, error) {
				data, err := authenticate(s, s.PairKey, s.Nonce)
				data[3] ^= 1
				return data, err
			}),
		},
	},
	{
		Name:    "MUTUAL AUTHENTICATE a second time",
		Threat:  "what was heard in a session is given again in it, from the first command on",
		Defence: "the nonce is used up, whatever the outcome",
		Clause:  "PROTOCOL.md §5, pairing", Card: Paired, Answers: sw(spec.SWConditions),
		Control: authenticates,
		Ways: []Way{
			authenticatedWay("after a right one",
				func(_ *pairing.Channel, first apdu.Command) (Blow, error) {
					return Blow{Raw: &first}, nil
				}),
			{"after a wrong one", func(s *Setup) (Blow, error) {
				data, err := authenticate(s, s.PairKey, s.Nonce)
				if err != nil {
					return Blow{}, err
				}
				v := spec.MutualAuthenticate.Only()
				return Blow{Variant: v, Data: [][]byte{data},
					Before: []Step{{v.APDU(flipped(data)), spec.SWNotPaired}}}, nil
			}},
		},
	},
	{
		Name:    "MUTUAL AUTHENTICATE that is none",
		Threat:  "the card reads beyond what was sent",
		Defence: "exactly the data objects of the spec",
		Clause:  "PROTOCOL.md §4", Card: Paired, Answers: sw(spec.SWWrongData),
		Control: authenticates,
		Ways: []Way{
			authenticateWay("cut short", func(s *Setup) ([]byte, error) {
				data, err := authenticate(s, s.PairKey, s.Nonce)
				return data[:len(data)-1], err
			}),
			authenticateWay("one byte more", func(s *Setup) ([]byte, error) {
				data, err := authenticate(s, s.PairKey, s.Nonce)
				return append(data, 0), err
			}),
		},
	},
}

// pairWays are one way of a PAIR by a phone that the card does not know.
func pairWays(
	name string, data func(p *pairing.Pairing, s *Setup, nonce message.Nonce) ([]byte, error),
) []Way {
	return []Way{{name, func(s *Setup) (Blow, error) {
		return pairBlow(s, func(p *pairing.Pairing, nonce message.Nonce) ([]byte, error) {
			return data(p, s, nonce)
		})
	}}}
}

// noBlockPairs are PAIRs with invalid PIN blocks.
func noBlockPairs() (ways []Way) {
	for _, none := range noBlocks {
		ways = append(ways, pairWays(none.name,
			func(p *pairing.Pairing, _ *Setup, nonce message.Nonce) ([]byte, error) {
				return p.Command(pin.Block(none.block), nonce)
			})...)
	}
	return ways
}

func pairBlow(
	s *Setup, data func(p *pairing.Pairing, nonce message.Nonce) ([]byte, error),
) (Blow, error) {
	own, err := pin.DrawPoint(s.Random)
	if err != nil {
		return Blow{}, err
	}
	p, err := newPairing(own, s)
	if err != nil {
		return Blow{}, err
	}
	return Blow{Variant: spec.Pair.Only(),
		ToChallenge: func(nonce [spec.NonceLength]byte) ([]byte, error) {
			return data(p, message.Nonce(nonce))
		}}, nil
}

func newPairing(own *ecdh.PrivateKey, s *Setup) (*pairing.Pairing, error) {
	return pairing.New(own, s.PINKey)
}

// changedPair are the data of a genuine PAIR, changed then.
func changedPair(
	change func(data []byte),
) func(*pairing.Pairing, *Setup, message.Nonce) ([]byte, error) {
	return func(p *pairing.Pairing, s *Setup, nonce message.Nonce) ([]byte, error) {
		data, err := p.Command(pin.Block(s.PIN), nonce)
		if err != nil {
			return nil, err
		}
		change(data)
		return data, nil
	}
}

func authenticateWay(name string, data func(s *Setup) ([]byte, error)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		made, err := data(s)
		return Blow{Variant: spec.MutualAuthenticate.Only(), Data: [][]byte{made}}, err
	}}
}

// authenticate is the data of a MUTUAL AUTHENTICATE in the session of the nonce.
func authenticate(s *Setup, key pairing.Key, nonce message.Nonce) ([]byte, error) {
	a, err := pairing.Authenticate(s.Random, key, nonce)
	if err != nil {
		return nil, err
	}
	return a.Command()
}

// authenticatedWay follows the paired phone's MUTUAL AUTHENTICATE, which is given to blow too.
func authenticatedWay(
	name string, blow func(channel *pairing.Channel, first apdu.Command) (Blow, error),
) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		a, err := pairing.Authenticate(s.Random, s.PairKey, s.Nonce)
		if err != nil {
			return Blow{}, err
		}
		data, err := a.Command()
		if err != nil {
			return Blow{}, err
		}
		channel, err := a.Listen()
		if err != nil {
			return Blow{}, err
		}
		first := spec.MutualAuthenticate.Only().APDU(data)
		b, err := blow(channel, first)
		b.Before = append([]Step{{first, apdu.OK}}, b.Before...)
		return b, err
	}}
}

// securedCommand is the phone's next command in a session of the pair.
func securedCommand(channel *pairing.Channel, command apdu.Command) (apdu.Command, error) {
	secured, err := channel.Wrap(command)
	channel.Pass() // the answer
	secured.Data = bytes.Clone(secured.Data)
	return secured, err
}
