package personalization

import (
	"io"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// PINDigits and PUKDigits are the lengths of the PIN and the PUK drawn for a card.
const (
	PINDigits = 4
	PUKDigits = spec.PUKDigits
)

// Digits are PIN and PUK as the letter shows them.
type Digits struct{ PIN, PUK string }

// DrawDigits draws PIN and PUK of one card.
func DrawDigits(random io.Reader) (d Digits, err error) {
	if d.PIN, err = pin.Digits(random, PINDigits); err == nil {
		d.PUK, err = pin.Digits(random, PUKDigits)
	}
	return d, err
}

// String shows nothing.
func (Digits) String() string { return "PIN and PUK of a card" }

// GoString shows nothing.
func (d Digits) GoString() string { return d.String() }

// Secrets are PIN and PUK as they go to the card.
func (d Digits) Secrets() (s Secrets, err error) {
	if s.PIN, err = pin.NewBlock(d.PIN); err == nil {
		s.PUK, err = pin.NewPUKBlock(d.PUK)
	}
	return s, err
}
