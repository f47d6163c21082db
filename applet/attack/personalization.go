package attack

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"
	"io"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// personalizations are attacks by PUT DATA: a certificate that is not the card's, or a first
// PIN that its issuer has not chosen.
var personalizations = []Attack{
	{
		Name:    "own certificate of another card",
		Threat:  "a card pays under another's name",
		Defence: "key and id of the certificate are the card's",
		Clause:  "PROTOCOL.md §7", Card: KeysMade, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			own("another key", func(_ *Setup, of *Subject) { of.Key = nil }),
			own("another id", func(s *Setup, of *Subject) {
				of.Holder = string(s.NextID(s.Own))
			}),
			stored("an authority's", func(s *Setup, _ []byte) ([]byte, error) {
				return s.Own.CA.Encoded, nil
			}),
			stored("cut short", func(_ *Setup, good []byte) ([]byte, error) {
				return good[:len(good)-1], nil
			}),
			stored("one byte more", func(_ *Setup, good []byte) ([]byte, error) {
				return append(bytes.Clone(good), 0), nil
			}),
		},
	},
	{
		Name:    "own certificate of another role",
		Threat:  "a card receives as a terminal does, or is certified by another bank",
		Defence: "the role is that of the card, its CA has the card's name",
		Clause:  "PROTOCOL.md §7", Card: KeysMade, Answers: sw(spec.SWRole),
		Ways: []Way{
			own("a SAM's", func(_ *Setup, of *Subject) { of.Role = spec.RoleSAM }),
			own("a terminal's", func(_ *Setup, of *Subject) { of.Role = spec.RoleTerminal }),
			{"by a CA of another name", func(s *Setup) (Blow, error) {
				made, err := s.Certify(s.Foreign.CA, s.ownSubject())
				return put1("certificate", made.Encoded, err)
			}},
		},
	},
	{
		Name:    "own certificate that has expired",
		Threat:  "an old key of the CA, lost since, is used",
		Defence: "the card's date only grows", Clause: "PROTOCOL.md §8, 6",
		Card: KeysMade, Answers: sw(spec.SWExpired),
		Ways: []Way{own("", func(_ *Setup, of *Subject) { of.Expired = true })},
	},
	{
		Name: "own certificate that its CA did not sign", Threat: "anybody issues cards",
		Defence: "the card verifies it by its CA", Clause: "PROTOCOL.md §7",
		Card: KeysMade, Answers: sw(spec.SWCertificate),
		Ways: []Way{stored("", func(_ *Setup, good []byte) ([]byte, error) {
			return flipped(good), nil
		})},
	},
	{
		Name:    "own certificate that is no later one",
		Threat:  "a card ends before its time",
		Defence: "a certificate is exchanged for a later one alone",
		Clause:  "PROTOCOL.md §8, 6", Card: PINEntered, Answers: sw(spec.SWDate),
		Control: renews,
		Ways: []Way{
			{"its own again", func(s *Setup) (Blow, error) {
				return put1("certificate", s.Certificate.Encoded, nil)
			}},
			own("one that ends a day sooner", func(s *Setup, of *Subject) {
				of.Last = s.Certificate.Certificate.Expiry.AddDays(-1)
			}),
		},
	},
	{
		Name:    "own certificate without the PIN",
		Threat:  "a thief replaces the card's certificate",
		Defence: "the PIN comes first, once the card is active",
		Clause:  "PROTOCOL.md §7", Card: Active, Answers: sw(spec.SWSecurity),
		Control:  renews,
		Stranger: true,
		Ways: []Way{own("", func(s *Setup, of *Subject) {
			of.Last = s.Certificate.Certificate.Expiry.AddDays(1)
		})},
	},
	{
		Name:    "ACTIVATE before the card has a certificate and a PIN",
		Threat:  "a card is active that nobody registered: a reader can alter a command to this",
		Defence: "activation needs both",
		Clause:  "PROTOCOL.md §7", Card: KeysMade, Answers: sw(spec.SWConditions),
		Control: activates,
		Ways: []Way{{"", func(*Setup) (Blow, error) {
			return Blow{Variant: spec.Activate.Only()}, nil
		}}},
	},
	{
		Name:    "first PIN by somebody else than the issuer",
		Threat:  "a thief of the card on its way to its owner chooses its PIN",
		Defence: "its MAC is by a key of the personalization token",
		Clause:  "PROTOCOL.md §7", Card: KeysMade, Answers: sw(spec.SWMACWrong),
		Control: storesFirstPIN,
		Ways: []Way{
			{"one bit of the MAC", func(s *Setup) (Blow, error) {
				good, err := s.firstPIN(s.PIN, s.PUK)
				if err != nil {
					return Blow{}, err
				}
				return put1("first PIN", flipped(good), nil)
			}},
			{"another token", func(s *Setup) (Blow, error) {
				other := *s
				other.Token[0] ^= 1
				data, err := other.firstPIN(s.PIN, s.PUK)
				return put1("first PIN", data, err)
			}},
		},
	},
	{
		Name:    "first PIN that is none",
		Threat:  "a card is handed out whose PIN nobody can enter, or everybody guesses",
		Defence: "format, length and digits of both blocks are checked",
		Clause:  "PROTOCOL.md §4", Card: KeysMade, Answers: sw(spec.SWWrongData),
		Control: storesFirstPIN, Ways: noPINs(),
	},
}

// put1 is PUT DATA of one object; an error from making the data is returned.
func put1(variant string, data []byte, err error) (Blow, error) {
	v, found := spec.PutData.Variant(variant)
	if err == nil && !found {
		err = fmt.Errorf("attack: PUT DATA has no variant %q", variant)
	}
	return Blow{Variant: v, Data: [][]byte{data}}, err
}

// ownSubject is the card as its certificate must name it.
func (s *Setup) ownSubject() Subject {
	return Subject{Holder: string(s.Device), Role: spec.RoleCard, Key: s.publicKey()}
}

func (s *Setup) publicKey() *ecdsa.PublicKey {
	if s.Public == nil && s.Certificate.Certificate != nil {
		return s.Certificate.Certificate.PublicKey
	}
	return s.Public
}

// own is a certificate for the card by its CA, whose subject is changed.
func own(name string, change func(s *Setup, of *Subject)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		of := s.ownSubject()
		change(s, &of)
		made, err := s.Certify(s.Own.CA, of)
		return put1("certificate", made.Encoded, err)
	}}
}

// stored is the card's own certificate, changed after it was signed.
func stored(name string, change func(s *Setup, good []byte) ([]byte, error)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		made, err := s.Certify(s.Own.CA, s.ownSubject())
		if err != nil {
			return Blow{}, err
		}
		changed, err := change(s, made.Encoded)
		return put1("certificate", changed, err)
	}}
}

// firstPIN is the data of PUT DATA first PIN, of any two blocks.
func (s *Setup) firstPIN(first, second []byte) ([]byte, error) {
	var iv [spec.IVLength]byte
	if _, err := io.ReadFull(s.Random, iv[:]); err != nil {
		return nil, fmt.Errorf("attack: the source of randomness: %w", err)
	}
	return s.Token.FirstPIN(iv, pin.Block(first), pin.Block(second), 1, 0)
}

// noBlocks are 8 bytes each and no PIN block.
var noBlocks = []struct {
	name  string
	block []byte
}{
	{"3 digits", []byte{0x23, 0x12, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
	{"13 digits", []byte{0x2D, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x3F}},
	{"a letter", []byte{0x24, 0x12, 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
	{"a digit too many", []byte{0x24, 0x12, 0x34, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF}},
	{"a wrong filler", []byte{0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xF0}},
	{"format 1", []byte{0x14, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
}

func noPINs() []Way {
	ways := []Way{
		{"a PUK of the PIN's length", func(s *Setup) (Blow, error) {
			data, err := s.firstPIN(s.PIN, s.PIN)
			return put1("first PIN", data, err)
		}},
		{"cut short", func(s *Setup) (Blow, error) {
			data, err := s.firstPIN(s.PIN, s.PUK)
			if err != nil {
				return Blow{}, err
			}
			return put1("first PIN", data[:len(data)-1], nil)
		}},
	}
	for _, none := range noBlocks {
		ways = append(ways, Way{none.name, func(s *Setup) (Blow, error) {
			data, err := s.firstPIN(none.block, s.PUK)
			return put1("first PIN", data, err)
		}})
	}
	return ways
}
