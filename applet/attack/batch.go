package attack

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// batches are attacks by PUT DATA on the key that the cards of a batch share: whoever has a
// card take another key reads the PINs that are typed for it.
var batches = []Attack{
	{
		Name:    "batch key by somebody else than the issuer",
		Threat:  "a thief of the card on its way to its owner reads what it says later",
		Defence: "its MAC is by a key of the personalization token",
		Clause:  "PROTOCOL.md §7", Card: KeysMade, Answers: sw(spec.SWMACWrong),
		Control: storesBatchKey,
		Ways: []Way{
			{"one bit of the MAC", func(s *Setup) (Blow, error) {
				good, err := s.batchLoad(s.Own.Batch)
				if err != nil {
					return Blow{}, err
				}
				return put1("batch key", flipped(good), nil)
			}},
			{"another point", func(s *Setup) (Blow, error) {
				good, err := s.batchLoad(s.Own.Batch)
				if err != nil {
					return Blow{}, err
				}
				good[batchLoadPoint+spec.PointLength-1] ^= 1
				return put1("batch key", good, nil)
			}},
			{"another token", func(s *Setup) (Blow, error) {
				other := *s
				other.Token[0] ^= 1
				data, err := other.batchLoad(s.Own.Batch)
				return put1("batch key", data, err)
			}},
		},
	},
	{
		Name: "batch key of another length", Threat: "the applet reads past its data",
		Defence: "the layout is exact", Clause: "PROTOCOL.md §7",
		Card: KeysMade, Answers: sw(spec.SWWrongData),
		Control: storesBatchKey,
		Ways: []Way{{"cut short", func(s *Setup) (Blow, error) {
			good, err := s.batchLoad(s.Own.Batch)
			if err != nil {
				return Blow{}, err
			}
			return put1("batch key", good[:len(good)-1], nil)
		}}},
	},
	{
		Name:    "batch key on an active card",
		Threat:  "a thief has the card take a key of his own, and reads the PINs typed for it",
		Defence: "a batch key is stored before activation only",
		Clause:  "PROTOCOL.md §7", Card: PINEntered, Answers: sw(spec.SWConditions),
		Control: storesBatchKey,
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			data, err := s.batchLoad(s.Own.Batch)
			return put1("batch key", data, err)
		}}},
	},
	{
		Name:    "certificate of a batch before its key",
		Threat:  "a card is active with a batch whose key it has not",
		Defence: "the certificate's key is compared with the one that is stored",
		Clause:  "PROTOCOL.md §7", Card: KeysMade, Answers: sw(spec.SWConditions),
		Control: certifiesBatch,
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			return put1("certificate", s.Own.Batch.Encoded, nil)
		}}},
	},
	{
		Name:    "certificate of a batch that is not the card's",
		Threat:  "payees encipher PINs to a key of the thief's",
		Defence: "key and holder are those of the batch that the card was issued in",
		Clause:  "PROTOCOL.md §7", Card: PINEntered, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			batch("another key", func(_ *Setup, of *Subject) { of.Key = nil }),
			batch("another batch", func(_ *Setup, of *Subject) {
				of.Holder = of.Holder[:spec.NameLength] + "B9999999"
			}),
		},
	},
	{
		Name:    "certificate of a batch of another bank",
		Threat:  "a stolen CA of one bank reaches the cards of another",
		Defence: "the batch carries the card's name, as its CA does",
		Clause:  "PROTOCOL.md §7", Card: PINEntered, Answers: sw(spec.SWRole),
		Ways: []Way{
			{"by its CA", func(s *Setup) (Blow, error) {
				made, err := s.Certify(s.Foreign.CA, s.batchSubject(s.Foreign.Batch, s.Own.Batch))
				blow, err := put1("certificate", made.Encoded, err)
				blow.Authorities = [][]byte{s.Foreign.CA.Encoded}
				return blow, err
			}},
			{"by its CA, in the card's name", func(s *Setup) (Blow, error) {
				made, err := s.Certify(s.Foreign.CA, s.batchSubject(s.Own.Batch, s.Own.Batch))
				blow, err := put1("certificate", made.Encoded, err)
				blow.Authorities = [][]byte{s.Foreign.CA.Encoded}
				return blow, err
			}},
		},
	},
	{
		Name:    "certificate of the batch that is no later one",
		Threat:  "a card's batch ends before its time",
		Defence: "a certificate is exchanged for a later one alone",
		Clause:  "PROTOCOL.md §8, 6", Card: PINEntered, Answers: sw(spec.SWDate),
		Ways: []Way{
			{"its own again", func(s *Setup) (Blow, error) {
				return put1("certificate", s.Own.Batch.Encoded, nil)
			}},
			batch("one that ends a day sooner", func(s *Setup, of *Subject) {
				of.Last = s.Own.Batch.Certificate.Expiry.AddDays(-1)
			}),
		},
	},
	{
		Name:    "certificate of the batch that has expired",
		Threat:  "an old key of the CA, lost since, is used",
		Defence: "the card's date only grows", Clause: "PROTOCOL.md §8, 6",
		Card: PINEntered, Answers: sw(spec.SWExpired),
		Ways: []Way{batch("", func(_ *Setup, of *Subject) {
			of.Expired, of.Last = true, message.Date{}
		})},
	},
	{
		Name:    "certificate of the batch that its CA did not sign",
		Threat:  "anybody certifies batches",
		Defence: "the card verifies it by its CA", Clause: "PROTOCOL.md §7",
		Card: PINEntered, Answers: sw(spec.SWCertificate),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			made, err := s.Certify(s.Own.CA, s.batchSubject(s.Own.Batch, s.Own.Batch))
			if err != nil {
				return Blow{}, err
			}
			return put1("certificate", flipped(made.Encoded), nil)
		}}},
	},
	{
		Name:    "certificate of the batch without the PIN",
		Threat:  "a stranger writes to the card",
		Defence: "the PIN comes first, once the card is active",
		Clause:  "PROTOCOL.md §7", Card: Active, Answers: sw(spec.SWSecurity),
		Stranger: true,
		Ways:     []Way{batch("", func(*Setup, *Subject) {})},
	},
}

// batchLoadPoint is where the point is in the data of PUT DATA batch key.
const batchLoadPoint = 2 + spec.IVLength + 2

// batchLoad is the data of PUT DATA batch key, under the card's token.
func (s *Setup) batchLoad(of Identity) ([]byte, error) {
	key, ours := of.Signer.(*ecdsa.PrivateKey)
	if !ours {
		return nil, errors.New("attack: a batch key without its private half")
	}
	var iv [spec.IVLength]byte
	if _, err := io.ReadFull(s.Random, iv[:]); err != nil {
		return nil, fmt.Errorf("attack: the source of randomness: %w", err)
	}
	return s.Token.BatchKey(iv, key)
}

// batchSubject is a later certificate of a batch, for the key of another.
func (s *Setup) batchSubject(of, key Identity) Subject {
	return Subject{Holder: string(of.Certificate.Holder), Role: spec.RoleBatch,
		Key: key.Certificate.PublicKey, Last: s.Own.Batch.Certificate.Expiry.AddDays(1)}
}

// batch is a later certificate of the card's batch by its CA, whose subject is changed.
func batch(name string, change func(s *Setup, of *Subject)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		of := s.batchSubject(s.Own.Batch, s.Own.Batch)
		change(s, &of)
		made, err := s.Certify(s.Own.CA, of)
		return put1("certificate", made.Encoded, err)
	}}
}
