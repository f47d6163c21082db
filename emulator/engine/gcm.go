package engine

import (
	"crypto/cipher"
	"encoding/binary"
)

// gcm is AES in Galois/counter mode (NIST SP 800-38D), over a message that comes in parts. Go's own
// takes a message as a whole: what came before would have to be kept, and be done again with each
// part.
type gcm struct {
	block               cipher.Block
	encrypt             bool
	digest              ghash
	mask                [16]byte // the enciphered first counter block, which hides the digest
	counter             [16]byte // the counter block of the key stream in progress
	stream              [16]byte
	taken               int // bytes of stream that were used
	additional, message uint64
}

// NewGCM returns GCM mode for one message and an initial chaining value of any length but 0, with
// a tag of 16 bytes, of which the caller may take the first. Errors: [ErrParameter].
func NewGCM(block cipher.Block, encrypt bool, nonce []byte) (AEAD, error) {
	if len(nonce) == 0 || block.BlockSize() != 16 {
		return nil, ErrParameter
	}
	var zero [16]byte
	block.Encrypt(zero[:], zero[:])
	g := &gcm{block: block, encrypt: encrypt, digest: ghash{key: elementOf(zero[:])}}
	g.taken = len(g.stream)
	if len(nonce) == 12 {
		copy(g.counter[:], nonce)
		g.counter[15] = 1
	} else {
		first := g.digest
		first.absorb(nonce)
		g.counter = first.sum(0, uint64(len(nonce)))
	}
	block.Encrypt(g.mask[:], g.counter[:])
	return g, nil
}

func (g *gcm) Copy() AEAD {
	same := *g
	return &same
}

func (g *gcm) Additional(part []byte) {
	g.digest.absorb(part)
	g.additional += uint64(len(part))
}

// Crypt adds the key stream, which is the same both ways.
func (g *gcm) Crypt(dst, src []byte) []byte {
	if g.message == 0 {
		g.digest.endBlock()
	}
	if !g.encrypt {
		g.digest.absorb(src)
	}
	start := len(dst)
	for _, b := range src {
		if g.taken == len(g.stream) {
			g.nextBlock()
		}
		dst = append(dst, b^g.stream[g.taken])
		g.taken++
	}
	if g.encrypt {
		g.digest.absorb(dst[start:])
	}
	g.message += uint64(len(src))
	return dst
}

// nextBlock counts in the last 32 bits alone, without a carry (SP 800-38D §6.2).
func (g *gcm) nextBlock() {
	count := g.counter[12:]
	binary.BigEndian.PutUint32(count, binary.BigEndian.Uint32(count)+1)
	g.block.Encrypt(g.stream[:], g.counter[:])
	g.taken = 0
}

func (g *gcm) Tag() []byte {
	tag := g.digest.sum(g.additional, g.message)
	for i := range tag {
		tag[i] ^= g.mask[i]
	}
	return tag[:]
}

// element is one of the field of 2^128 in which GCM counts: the first bit of a block is the
// highest bit of high (SP 800-38D §6.3).
type element struct{ high, low uint64 }

func elementOf(block []byte) element {
	return element{binary.BigEndian.Uint64(block), binary.BigEndian.Uint64(block[8:])}
}

func (x element) plus(y element) element { return element{x.high ^ y.high, x.low ^ y.low} }

func (x element) times(y element) (product element) {
	const reduction = 0xE1 << 56
	for i := range 128 {
		word := x.high
		if i >= 64 {
			word = x.low
		}
		if word>>(63-i%64)&1 == 1 {
			product = product.plus(y)
		}
		carry := y.low & 1
		y = element{y.high >> 1, y.high<<63 | y.low>>1}
		y.high ^= carry * reduction
	}
	return product
}

// ghash is the function GHASH (SP 800-38D §6.4) of what comes in parts.
type ghash struct {
	key, state element
	block      [16]byte // the block in progress, zeros behind what came of it
	filled     int
}

func (h *ghash) absorb(part []byte) {
	for len(part) > 0 {
		n := copy(h.block[h.filled:], part)
		if h.filled, part = h.filled+n, part[n:]; h.filled == len(h.block) {
			h.endBlock()
		}
	}
}

// endBlock ends the block in progress, which zeros fill.
func (h *ghash) endBlock() {
	if h.filled > 0 {
		h.state = h.state.plus(elementOf(h.block[:])).times(h.key)
		h.block, h.filled = [16]byte{}, 0
	}
}

// sum ends with the lengths in bytes of the additional data and of the rest.
func (h *ghash) sum(additional, rest uint64) (sum [16]byte) {
	h.endBlock()
	h.state = h.state.plus(element{additional * 8, rest * 8}).times(h.key)
	binary.BigEndian.PutUint64(sum[:], h.state.high)
	binary.BigEndian.PutUint64(sum[8:], h.state.low)
	return sum
}
