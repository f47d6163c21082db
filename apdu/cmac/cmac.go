// Package cmac is AES-CMAC (NIST SP 800-38B §6, RFC 4493) on Go's AES. It trusts
// its caller to keep the key.
package cmac

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
)

// Size is the length of a MAC in bytes.
const Size = aes.BlockSize

// rb is the constant of the doubling in GF(2^128) (SP 800-38B §5.3).
const rb = 0x87

// Sum is the CMAC of the parts, joined, under an AES key of 16, 24 or 32 bytes.
func Sum(key []byte, parts ...[]byte) ([Size]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return [Size]byte{}, fmt.Errorf("cmac: an AES key has 16, 24 or 32 bytes, this has %d", len(key))
	}
	var state, last [Size]byte
	n := 0 // bytes of last in use; a full last is only worked in when more follows
	for _, p := range parts {
		for len(p) > 0 {
			if n == Size {
				absorb(block, &state, &last)
				n = 0
			}
			taken := copy(last[n:], p)
			n, p = n+taken, p[taken:]
		}
	}
	var k1 [Size]byte
	block.Encrypt(k1[:], k1[:])
	k1 = double(k1)
	subkey := k1
	if n < Size {
		last[n] = 0x80
		clear(last[n+1:])
		subkey = double(k1)
	}
	subtle.XORBytes(last[:], last[:], subkey[:])
	absorb(block, &state, &last)
	return state, nil
}

// absorb is one step of the chain: state = E(state XOR b).
func absorb(block cipher.Block, state, b *[Size]byte) {
	subtle.XORBytes(state[:], state[:], b[:])
	block.Encrypt(state[:], state[:])
}

// double multiplies by x, in constant time.
func double(b [Size]byte) [Size]byte {
	var out [Size]byte
	for i := range Size - 1 {
		out[i] = b[i]<<1 | b[i+1]>>7
	}
	out[Size-1] = b[Size-1]<<1 ^ byte(-int8(b[0]>>7))&rb
	return out
}

// Verify compares the first bytes of the CMAC of the parts with mac, in constant
// time. A mac shorter than 8 bytes is never right.
func Verify(key, mac []byte, parts ...[]byte) bool {
	sum, err := Sum(key, parts...)
	return err == nil && len(mac) >= 8 && len(mac) <= Size && subtle.ConstantTimeCompare(sum[:len(mac)], mac) == 1
}
