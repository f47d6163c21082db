package engine

import (
	"crypto"
	"crypto/cipher"
	"crypto/hmac"
	"hash"

	"ekrona.example/apdu/cmac"
)

// MAC authenticates a message that comes in parts. It is in its initial state when
// made, and again after each Sum.
type MAC interface {
	// Write takes the next part of the message.
	Write(part []byte)
	// Sum ends the message and returns its MAC, which is valid until the next call.
	// It is an error if the message cannot be padded.
	Sum() ([]byte, error)
	// Reset drops the message in progress.
	Reset()
	// Copy returns a MAC that goes on with the message in progress as this one does.
	Copy() (MAC, error)
}

// cbcMAC is the CBC-MAC of ISO/IEC 9797-1 (algorithm 1), and algorithm 3 when
// last is set: the final block is deciphered with it and enciphered again.
type cbcMAC struct {
	block   cipher.Block
	last    cipher.Block
	padding Padding
	initial []byte
	state   []byte
	pending []byte
	started bool // the message in progress has a byte
}

// NewCBCMAC returns the CBC-MAC (ISO/IEC 9797-1 algorithm 1) over a block cipher.
// iv is the initial chaining value, nil for zeros.
func NewCBCMAC(block cipher.Block, padding Padding, iv []byte) (MAC, error) {
	return newCBCMAC(block, nil, padding, iv)
}

// NewRetailMAC returns the MAC of ISO/IEC 9797-1 algorithm 3 over DES: single DES
// with the first half of key, the last block completed with triple DES. key is 16
// bytes; of 24 bytes, the third part replaces the first in the last step.
func NewRetailMAC(key []byte, padding Padding, iv []byte) (MAC, error) {
	if len(key) != 16 && len(key) != 24 {
		return nil, ErrParameter
	}
	first, err := NewDES(key[:8])
	if err != nil {
		return nil, err
	}
	second, err := NewDES(key[8:16])
	if err != nil {
		return nil, err
	}
	third := first
	if len(key) == 24 {
		if third, err = NewDES(key[16:]); err != nil {
			return nil, err
		}
	}
	return newCBCMAC(first, finalStep{second, third}, padding, iv)
}

// finalStep is the end of algorithm 3: decipher with one key, encipher with another.
type finalStep struct{ decipher, encipher cipher.Block }

func (f finalStep) BlockSize() int { return f.decipher.BlockSize() }
func (f finalStep) Decrypt(dst, src []byte) {
	f.encipher.Decrypt(dst, src)
	f.decipher.Encrypt(dst, dst)
}
func (f finalStep) Encrypt(dst, src []byte) {
	f.decipher.Decrypt(dst, src)
	f.encipher.Encrypt(dst, dst)
}

func newCBCMAC(block, last cipher.Block, padding Padding, iv []byte) (MAC, error) {
	if iv == nil {
		iv = make([]byte, block.BlockSize())
	}
	if len(iv) != block.BlockSize() {
		return nil, ErrLength
	}
	m := &cbcMAC{block: block, last: last, padding: padding, initial: append([]byte(nil), iv...),
		state: make([]byte, len(iv))}
	m.Reset()
	return m, nil
}

func (m *cbcMAC) Reset() {
	copy(m.state, m.initial)
	m.pending, m.started = m.pending[:0], false
}

func (m *cbcMAC) Copy() (MAC, error) {
	same := *m
	same.state, same.pending = append([]byte(nil), m.state...), append([]byte(nil), m.pending...)
	return &same, nil
}

func (m *cbcMAC) Write(part []byte) {
	m.started = m.started || len(part) > 0
	m.pending = append(m.pending, part...)
	m.pending = m.pending[:copy(m.pending, m.absorb(m.pending))]
}

// absorb chains whole blocks and returns what is left.
func (m *cbcMAC) absorb(data []byte) []byte {
	for size := len(m.state); len(data) >= size; data = data[size:] {
		for i := range m.state {
			m.state[i] ^= data[i]
		}
		m.block.Encrypt(m.state, m.state)
	}
	return data
}

func (m *cbcMAC) Sum() ([]byte, error) {
	defer m.Reset()
	if !m.started && m.padding == PadNone { // no block at all would be a MAC that needs no key
		return nil, ErrLength
	}
	padded, err := m.padding.pad(m.pending, len(m.state), !m.started)
	if err != nil {
		return nil, err
	}
	m.absorb(padded)
	if m.last != nil {
		m.last.Encrypt(m.state, m.state)
	}
	return append([]byte(nil), m.state...), nil
}

// aesCMAC is CMAC as a MAC.
type aesCMAC struct{ *cmac.MAC }

// NewCMAC returns the CMAC (NIST SP 800-38B, RFC 4493) over a block cipher of 16 byte
// blocks.
func NewCMAC(block cipher.Block) (MAC, error) {
	m, err := cmac.New(block)
	if err != nil {
		return nil, ErrParameter
	}
	return aesCMAC{m}, nil
}

func (m aesCMAC) Copy() (MAC, error) {
	same := *m.MAC
	return aesCMAC{&same}, nil
}

func (m aesCMAC) Sum() ([]byte, error) {
	sum := m.MAC.Sum()
	return sum[:], nil
}

// hashMAC is HMAC as a MAC.
type hashMAC struct{ hash.Hash }

// NewHMAC returns the HMAC (FIPS 198-1) of a key of any length over a digest.
func NewHMAC(h crypto.Hash, key []byte) MAC { return hashMAC{hmac.New(h.New, key)} }

func (m hashMAC) Copy() (MAC, error) {
	cloner, ok := m.Hash.(hash.Cloner)
	if !ok {
		return nil, ErrParameter
	}
	same, err := cloner.Clone()
	return hashMAC{same}, err
}

func (m hashMAC) Write(part []byte) { m.Hash.Write(part) } // a hash.Hash never fails

func (m hashMAC) Sum() ([]byte, error) {
	sum := m.Hash.Sum(nil)
	m.Hash.Reset()
	return sum, nil
}
