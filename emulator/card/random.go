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
