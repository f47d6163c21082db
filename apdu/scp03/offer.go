package scp03

import (
	"errors"
	"fmt"

	"ekrona.example/apdu/gpc"
)

// Bits of the parameter i (Amd D 1.2 table 5-1).
const (
	bitS16          = 0x01 // challenges, cryptograms and MACs of 16 bytes
	bitPseudoRandom = 0x10 // card challenge made of a sequence counter
	bitsRMAC        = 0x20 // R-MAC
	bitsRMACAndRENC = 0x60 // R-MAC and R-ENC; R-ENC alone is not
)

// Protocol is SCP03's number in INITIALIZE UPDATE and in card data.
const Protocol = 0x03

// Offer is what a card answers to INITIALIZE UPDATE (Amd D table 7-2).
type Offer struct {
	Diversification [10]byte
	KeyVersion      byte
	Parameter       byte // i
	Challenge       []byte
	Cryptogram      []byte
	Sequence        []byte // 3 bytes if the challenge is pseudo-random, else none
}

// Strongest is the highest level that the card supports.
func (o Offer) Strongest() Level { return Strongest(o.Parameter) }

// Strongest is the highest level of a card whose parameter i is this one.
func Strongest(parameter byte) Level {
	switch parameter & bitsRMACAndRENC {
	case bitsRMACAndRENC:
		return Full
	case bitsRMAC:
		return CMACEncryptionRMAC
	}
	return CMACEncryption
}

// Encode is the data of the response.
func (o Offer) Encode() []byte {
	out := append(o.Diversification[:len(o.Diversification):len(o.Diversification)], o.KeyVersion,
		Protocol, o.Parameter)
	out = append(out, o.Challenge...)
	out = append(out, o.Cryptogram...)
	return append(out, o.Sequence...)
}

// ErrOtherProtocol reports that the card uses another secure channel protocol.
var ErrOtherProtocol = errors.New("scp03: the card does not support SCP03")

// ParseOffer reads the data of the response. It fails for another protocol than SCP03,
// with an error that names the card's.
func ParseOffer(b []byte) (Offer, error) {
	const fixed = 10 + 3
	if len(b) < fixed {
		return Offer{}, fmt.Errorf(
			"%w: INITIALIZE UPDATE answered %d bytes; SCP03 answers 29 or more", gpc.ErrMalformed,
			len(b))
	}
	if b[11] != Protocol {
		return Offer{}, fmt.Errorf(
			"%w: it uses SCP%02X with key set %02X; choose a key set with AES keys",
			ErrOtherProtocol, b[11], b[10])
	}
	o := Offer{Diversification: [10]byte(b), KeyVersion: b[10], Parameter: b[12]}
	n, sequence := 8, 0
	if o.Parameter&bitS16 != 0 {
		n = 16
	}
	if o.Parameter&bitPseudoRandom != 0 {
		sequence = 3
	}
	if len(b) != fixed+2*n+sequence {
		return Offer{}, fmt.Errorf(
			"%w: INITIALIZE UPDATE answered %d bytes; SCP03 with i=%02X answers %d",
			gpc.ErrMalformed, len(b), o.Parameter, fixed+2*n+sequence)
	}
	o.Challenge, o.Cryptogram, o.Sequence = b[fixed:fixed+n], b[fixed+n:fixed+2*n], b[fixed+2*n:]
	return o, nil
}
