package card

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
)

// SeededRandom is randomness that repeats: the stream of ChaCha8 keyed by the SHA-256 of seed; a
// [Snapshot] keeps its place in it. For tests and demonstrations only: the seed determines every
// key of the card.
func SeededRandom(seed string) io.Reader {
	return rand.NewChaCha8(sha256.Sum256([]byte(seed)))
}

// source is a card's randomness, in whose place another can be put.
type source struct{ io.Reader }

// SetRandom has the card draw of another source from now on, as [SeededRandom] makes one.
func (c *Card) SetRandom(random io.Reader) { c.random.Reader = random }
