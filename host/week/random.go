package week

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

// source returns the randomness of one part of a world. Each part has its own, so that the
// order in which the parts are played does not matter.
func source(seed uint64, part string, number ...any) *rand.ChaCha8 {
	key := sha256.Sum256(fmt.Append(fmt.Appendf(nil, "%d/%s/", seed, part), number...))
	return rand.NewChaCha8(key)
}

// draws returns the same as numbers that are drawn.
func draws(seed uint64, part string, number ...any) *rand.Rand {
	return rand.New(source(seed, part, number...))
}

// chance reports true in a share of all cases.
func chance(r *rand.Rand, share float64) bool { return r.Float64() < share }
