// Package pin is the cryptography of PIN and personalization that card and host
// share: PIN blocks, enciphered PINs, keys derived from the personalization
// token, the MAC over a new card's keys.
//
// Everything here is secret: the types print no digits, and no error holds any. Start
// at [NewBlock]; [Encipher] is for a reader, [Token] for the personalization.
package pin

import (
	"errors"
	"fmt"

	"ekrona.example/apdu/spec"
)

// Block is a PIN block of format 2 (ISO 9564-1; EMV 4.4 book 3
// §6.5.12.2): 2, number of digits, digits, filler F.
type Block [spec.PINBlockLength]byte

// ErrPIN is the error of [NewBlock] and [NewPUKBlock] for any other text.
var ErrPIN = errors.New("pin: give 4 to 12 digits for a PIN, 8 for a PUK")

// NewBlock makes the block of a PIN of 4 to 12 digits.
func NewBlock(digits string) (Block, error) {
	if len(digits) < spec.PINMinDigits || len(digits) > spec.PINMaxDigits {
		return Block{}, ErrPIN
	}
	b := Block{0x20 | byte(len(digits)), 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return Block{}, ErrPIN
		}
		if i%2 == 0 {
			b[1+i/2] = d<<4 | 0x0F
		} else {
			b[1+i/2] = b[1+i/2]&0xF0 | d
		}
	}
	return b, nil
}

// NewPUKBlock makes the block of a PUK of 8 digits.
func NewPUKBlock(digits string) (Block, error) {
	if len(digits) != spec.PUKDigits {
		return Block{}, ErrPIN
	}
	return NewBlock(digits)
}

// String shows nothing.
func (Block) String() string { return "PIN block" }

// Format shows nothing, whatever the verb.
func (b Block) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(b.String())) }
