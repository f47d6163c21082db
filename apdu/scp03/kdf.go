package scp03

import (
	"encoding/binary"
	"errors"

	"ekrona.example/apdu/cmac"
)

// Derivation constants (Amd D table 4-1).
const (
	constantCardCryptogram = 0x00
	constantHostCryptogram = 0x01
	constantCardChallenge  = 0x02
	constantENC            = 0x04
	constantMAC            = 0x06
	constantRMAC           = 0x07
)

// counterKDF is the key derivation in counter mode with AES-CMAC and a counter of
// one byte between the fixed parts (NIST SP 800-108 §5.1). It gives n bytes.
func counterKDF(key []byte, n int, before, after []byte) ([]byte, error) {
	if n > 255*cmac.Size {
		return nil, errors.New("scp03: more derived than a counter of one byte counts")
	}
	var out []byte
	for counter := byte(1); len(out) < n; counter++ {
		block, err := cmac.Sum(key, before, []byte{counter}, after)
		if err != nil {
			return nil, err
		}
		out = append(out, block[:]...)
	}
	return out[:n], nil
}

// derive is the data derivation scheme of Amd D §4.1.5 for n bytes: label of 11
// zeros and the constant, separator, length in bits, counter, context.
func derive(key []byte, constant byte, n int, context []byte) ([]byte, error) {
	before := make([]byte, 12, 15)
	before[11] = constant
	before = append(before, 0)
	before = binary.BigEndian.AppendUint16(before, uint16(8*n))
	return counterKDF(key, n, before, context)
}

// CardChallenge is the pseudo-random challenge of n bytes, 8 or 16, that a card
// makes of its sequence counter (Amd D §6.2.2.1). aid is that of the security
// domain.
func CardChallenge(keys Keys, sequence [3]byte, aid []byte, n int) ([]byte, error) {
	return derive(keys.ENC, constantCardChallenge, n, append(sequence[:], aid...))
}
