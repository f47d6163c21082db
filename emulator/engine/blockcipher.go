package engine

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
)

// NewAES returns the block cipher of a 16, 24 or 32 byte AES key (FIPS 197).
func NewAES(key []byte) (cipher.Block, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrParameter
	}
	return block, nil
}

// NewDES returns the block cipher of an 8, 16 or 24 byte key: DES, or triple DES
// with two or three keys (NIST SP 800-67). Parity bits are ignored.
func NewDES(key []byte) (cipher.Block, error) {
	var block cipher.Block
	var err error
	switch len(key) {
	case 8:
		block, err = des.NewCipher(key)
	case 16:
		threeKeys := append(append(make([]byte, 0, 24), key...), key[:8]...)
		block, err = des.NewTripleDESCipher(threeKeys)
	case 24:
		block, err = des.NewTripleDESCipher(key)
	default:
		return nil, ErrParameter
	}
	if err != nil {
		return nil, ErrParameter
	}
	return block, nil
}

// Mode is a mode of operation (NIST SP 800-38A).
type Mode byte

// The modes of the Java Card API.
const (
	ModeECB Mode = iota
	ModeCBC
	ModeCTR
)

// BlockCipher enciphers or deciphers a message that comes in parts. It is in its
// initial state when made, and again after each Final.
type BlockCipher struct {
	block    cipher.Block
	mode     Mode
	padding  Padding
	encrypt  bool
	initial  []byte // the initial chaining value
	pending  []byte // input of less than a block, or a last block held back
	started  bool   // the message in progress has a byte
	chain    cipher.BlockMode
	last     []byte // the last enciphered block, or the initial chaining value
	stream   cipher.Stream
	streamed int // bytes of it that were taken
}

// NewBlockCipher returns a cipher in its initial state. iv is the initial chaining
// value, one block; nil stands for zeros, and ECB ignores it.
func NewBlockCipher(
	block cipher.Block, mode Mode, padding Padding, encrypt bool, iv []byte,
) (*BlockCipher, error) {
	if iv == nil {
		iv = make([]byte, block.BlockSize())
	}
	if len(iv) != block.BlockSize() {
		return nil, ErrLength
	}
	c := &BlockCipher{block: block, mode: mode, padding: padding, encrypt: encrypt,
		initial: append([]byte(nil), iv...)}
	c.Reset()
	return c, nil
}

// Reset drops the message in progress.
func (c *BlockCipher) Reset() {
	c.pending, c.started = c.pending[:0], false
	c.begin(c.initial)
}

// begin has the chain, or the stream, begin with a block.
func (c *BlockCipher) begin(first []byte) {
	c.last, c.streamed = append([]byte(nil), first...), 0
	switch {
	case c.mode == ModeCTR:
		c.stream = cipher.NewCTR(c.block, first)
	case c.mode == ModeCBC && c.encrypt:
		c.chain = cipher.NewCBCEncrypter(c.block, first)
	case c.mode == ModeCBC:
		c.chain = cipher.NewCBCDecrypter(c.block, first)
	}
}

// Copy returns a cipher that goes on with the message in progress as this one does.
func (c *BlockCipher) Copy() *BlockCipher {
	same := *c
	same.pending = append([]byte(nil), c.pending...)
	same.begin(c.last)
	if c.mode == ModeCTR {
		same.skip(c.streamed)
	}
	return &same
}

// skip takes bytes of the stream for nothing.
func (c *BlockCipher) skip(n int) {
	gone := make([]byte, n)
	c.stream.XORKeyStream(gone, gone)
	c.streamed += n
}

// Update takes the next part of the message and appends to dst what can be put out
// already: whole blocks, save the last one where its padding must be removed.
// src is not changed and may share its memory with dst's.
func (c *BlockCipher) Update(dst, src []byte) []byte {
	if c.mode == ModeCTR {
		start := len(dst)
		dst = append(dst, src...)
		c.stream.XORKeyStream(dst[start:], dst[start:])
		c.streamed += len(src)
		return dst
	}
	size := c.block.BlockSize()
	c.started = c.started || len(src) > 0
	c.pending = append(c.pending, src...)
	ready := len(c.pending) / size * size
	if !c.encrypt && c.padding != PadNone && ready == len(c.pending) && ready > 0 {
		ready -= size
	}
	start := len(dst)
	dst = append(dst, c.pending[:ready]...)
	c.crypt(dst[start:])
	c.pending = append(c.pending[:0], c.pending[ready:]...)
	return dst
}

// Final takes the last part of the message, appends the rest of the output to dst
// and returns to the initial state, whether it succeeds or not.
func (c *BlockCipher) Final(dst, src []byte) ([]byte, error) {
	defer c.Reset()
	dst = c.Update(dst, src)
	if c.mode == ModeCTR {
		return dst, nil
	}
	start := len(dst)
	if c.encrypt {
		last, err := c.padding.pad(c.pending, c.block.BlockSize(), !c.started)
		if err != nil {
			return nil, err
		}
		dst = append(dst, last...)
		c.crypt(dst[start:])
		return dst, nil
	}
	if len(c.pending)%c.block.BlockSize() != 0 {
		return nil, ErrLength
	}
	dst = append(dst, c.pending...)
	c.crypt(dst[start:])
	last, err := c.padding.unpad(dst[start:])
	if err != nil {
		return nil, err
	}
	return dst[:start+len(last)], nil
}

// crypt transforms whole blocks in place.
func (c *BlockCipher) crypt(blocks []byte) {
	size := c.block.BlockSize()
	if c.mode == ModeCBC && len(blocks) > 0 {
		if !c.encrypt {
			copy(c.last, blocks[len(blocks)-size:])
		}
		c.chain.CryptBlocks(blocks, blocks)
		if c.encrypt {
			copy(c.last, blocks[len(blocks)-size:])
		}
		return
	}
	for ; len(blocks) > 0; blocks = blocks[size:] {
		if c.encrypt {
			c.block.Encrypt(blocks, blocks)
		} else {
			c.block.Decrypt(blocks, blocks)
		}
	}
}
