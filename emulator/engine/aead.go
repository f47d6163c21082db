package engine

import (
	"crypto/cipher"
	"encoding/binary"
)

// AEAD enciphers or deciphers one message that comes in parts, and authenticates it together with
// additional data, which come first.
type AEAD interface {
	// Additional takes the next part of the additional data.
	Additional(part []byte)
	// Crypt takes the next part of the message and appends as many bytes to dst. src is not
	// changed and may share its memory with dst's.
	Crypt(dst, src []byte) []byte
	// Tag ends the message and returns its tag of 16 bytes, or of as many as the mode was made for.
	Tag() []byte
	// Copy returns one that goes on with the message in progress as this one does.
	Copy() AEAD
}

// ccm is AES in counter mode with a CBC-MAC (RFC 3610, NIST SP 800-38C).
type ccm struct {
	block   cipher.Block
	encrypt bool
	stream  *BlockCipher
	mac     [16]byte
	filled  int      // bytes of the MAC's block in progress
	started bool     // the message has begun
	first   [16]byte // the first block of the key stream, which hides the MAC
	tagSize int
}

// NewCCM returns CCM mode for one message, of which the lengths must be known: the nonce of 7 to 13
// bytes, the additional data of less than 65,280 bytes, the message of less than 2^(8*(15-nonce)),
// the tag of 4, 6, 8, 10, 12, 14 or 16 bytes (RFC 3610 §2). That so much is given is for the
// caller to see. Errors: [ErrParameter].
func NewCCM(
	block cipher.Block, encrypt bool, nonce []byte, additional, message, tag int,
) (AEAD, error) {
	const shortAdditional = 1<<16 - 1<<8 // the length is in two bytes
	lengthBytes := 15 - len(nonce)
	if block.BlockSize() != 16 || lengthBytes < 2 || lengthBytes > 8 || tag < 4 || tag > 16 ||
		tag%2 != 0 || additional < 0 || additional >= shortAdditional || message < 0 ||
		lengthBytes < 8 && uint64(message)>>(8*lengthBytes) != 0 {
		return nil, ErrParameter
	}
	c := &ccm{block: block, encrypt: encrypt, tagSize: tag}
	var start [16]byte
	binary.BigEndian.PutUint64(start[8:], uint64(message))
	start[0] = byte((tag-2)/2<<3 | (lengthBytes - 1))
	if additional > 0 {
		start[0] |= 1 << 6
	}
	copy(start[1:], nonce)
	c.absorb(start[:])
	if additional > 0 {
		c.absorb(binary.BigEndian.AppendUint16(nil, uint16(additional)))
	}
	counter := [16]byte{0: byte(lengthBytes - 1)}
	copy(counter[1:], nonce)
	block.Encrypt(c.first[:], counter[:])
	counter[15] = 1
	var err error
	c.stream, err = NewBlockCipher(block, ModeCTR, PadNone, encrypt, counter[:])
	return c, err
}

func (c *ccm) Copy() AEAD {
	same := *c
	same.stream = c.stream.Copy()
	return &same
}

func (c *ccm) absorb(part []byte) {
	for _, b := range part {
		c.mac[c.filled] ^= b
		if c.filled++; c.filled == len(c.mac) {
			c.endBlock()
		}
	}
}

// endBlock ends the block in progress, which zeros fill (RFC 3610 §2.2).
func (c *ccm) endBlock() {
	if c.filled > 0 {
		c.block.Encrypt(c.mac[:], c.mac[:])
		c.filled = 0
	}
}

func (c *ccm) Additional(part []byte) { c.absorb(part) }

func (c *ccm) Crypt(dst, src []byte) []byte {
	if !c.started {
		c.endBlock()
		c.started = true
	}
	if c.encrypt {
		c.absorb(src)
	}
	start := len(dst)
	dst = c.stream.Update(dst, src)
	if !c.encrypt {
		c.absorb(dst[start:])
	}
	return dst
}

func (c *ccm) Tag() []byte {
	c.endBlock()
	tag := make([]byte, c.tagSize)
	for i := range tag {
		tag[i] = c.mac[i] ^ c.first[i]
	}
	return tag
}
