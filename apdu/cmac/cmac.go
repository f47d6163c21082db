// Package cmac is AES-CMAC (NIST SP 800-38B §6, RFC 4493) on Go's AES, the only one here:
// hosts, the virtual card's security domain and its Java Card API use it. It trusts its
// caller to keep the key. Start at [Sum], or at [New] for a message that comes in parts.
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

// MAC authenticates a message that comes in parts. It is in its initial state when
// made, and again after each Sum.
type MAC struct {
	block  cipher.Block
	k1, k2 [Size]byte // for a last block that is full, and for one that is not
	state  [Size]byte
	last   [Size]byte // a full one is only worked in when more follows
	n      int        // bytes of last in use
}

// New makes the MAC over a block cipher with blocks of 16 bytes, which has its key.
func New(block cipher.Block) (*MAC, error) {
	if n := block.BlockSize(); n != Size {
		return nil, fmt.Errorf("cmac: the cipher has blocks of %d bytes; use AES, of %d", n, Size)
	}
	m := &MAC{block: block}
	block.Encrypt(m.k1[:], m.k1[:])
	m.k1 = double(m.k1)
	m.k2 = double(m.k1)
	return m, nil
}

// Write takes the next part of the message.
func (m *MAC) Write(part []byte) {
	for len(part) > 0 {
		if m.n == Size {
			m.absorb()
		}
		taken := copy(m.last[m.n:], part)
		m.n, part = m.n+taken, part[taken:]
	}
}

// Sum ends the message and returns its MAC.
func (m *MAC) Sum() [Size]byte {
	subkey := m.k1
	if m.n < Size {
		m.last[m.n] = 0x80
		clear(m.last[m.n+1:])
		subkey = m.k2
	}
	subtle.XORBytes(m.last[:], m.last[:], subkey[:])
	m.absorb()
	sum := m.state
	m.Reset()
	return sum
}

// Reset drops the message in progress.
func (m *MAC) Reset() {
	clear(m.state[:])
	clear(m.last[:])
	m.n = 0
}

// absorb is one step of the chain: state = E(state XOR last).
func (m *MAC) absorb() {
	subtle.XORBytes(m.state[:], m.state[:], m.last[:])
	m.block.Encrypt(m.state[:], m.state[:])
	m.n = 0
}

// Sum is the CMAC of the parts, joined, under an AES key of 16, 24 or 32 bytes.
func Sum(key []byte, parts ...[]byte) ([Size]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return [Size]byte{}, fmt.Errorf("cmac: an AES key has 16, 24 or 32 bytes, this has %d",
			len(key))
	}
	m, err := New(block)
	if err != nil {
		return [Size]byte{}, err
	}
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(), nil
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
	return err == nil && len(mac) >= 8 && len(mac) <= Size &&
		subtle.ConstantTimeCompare(sum[:len(mac)], mac) == 1
}
