package pin

import (
	"crypto/aes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// maxDraws bounds the search for a scalar in range: each draw misses with
// probability 2^-32.
const maxDraws = 8

// Encipher makes the data of a PIN command with P2 = 88, for the card's PIN key
// and the random number of its GET CHALLENGE: of one block for VERIFY, of two for
// CHANGE REFERENCE DATA (old, new) and RESET RETRY COUNTER (PUK, new). random
// gives the ephemeral key; nothing of it may be used again.
//
// Z is the X coordinate of ECDH; the keys are the first halves of SHA-256(Z ||
// counter) (TR-03111 §4.3.3); plaintext is block, challenge and, of two, the
// second block and eight zeros; AES-128-CBC with IV zero, then AES-CMAC.
func Encipher(
	random io.Reader, card *ecdsa.PublicKey, challenge [spec.NonceLength]byte, blocks ...Block,
) ([]byte, error) {
	if card == nil || len(blocks) < 1 || len(blocks) > 2 {
		return nil, errors.New("pin: encipher one or two blocks to a card's PIN key")
	}
	ephemeral, err := drawKey(random)
	if err != nil {
		return nil, err
	}
	z, err := Secret(ephemeral, card)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	rows := spec.EncipheredPIN
	plain := [][]byte{blocks[0][:], challenge[:]}
	if len(blocks) == 2 {
		rows = spec.EncipheredPINs
		plain = append(plain, blocks[1][:], make([]byte, aes.BlockSize-spec.PINBlockLength))
	}
	cryptogram, err := encrypt(derive(z, spec.PINLabelENC), make([]byte, aes.BlockSize), plain...)
	if err != nil {
		return nil, err
	}
	return authenticated(rows, derive(z, spec.PINLabelMAC), spec.PINMACLength,
		layout.Bytes(ephemeral.PublicKey().Bytes()), layout.Bytes(cryptogram))
}

// derive is an AES-128 key of the shared secret z.
func derive(z []byte, label string) []byte {
	return Hash(z, label)[:aes.BlockSize]
}

// drawKey draws a P-256 key. It depends on nothing but random, so that a run
// with a seed repeats.
func drawKey(random io.Reader) (*ecdh.PrivateKey, error) {
	var scalar [spec.ScalarLength]byte
	for range maxDraws {
		if err := entropy.Fill(random, scalar[:]); err != nil {
			return nil, fmt.Errorf("pin: the ephemeral key: %w", err)
		}
		if key, err := ecdh.P256().NewPrivateKey(scalar[:]); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("pin: randomness gives no P-256 scalar; the source is broken")
}
