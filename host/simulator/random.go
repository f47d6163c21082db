package simulator

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

// streams are the sources of randomness of all parties. Each has its own, and all start anew at
// every step, keyed by seed and step: what one step draws does not depend on earlier steps, so that
// a scenario can be shortened.
type streams struct {
	seed uint64
	step int
	all  map[string]*rand.ChaCha8
}

func newStreams(seed uint64) *streams {
	return &streams{seed: seed, all: map[string]*rand.ChaCha8{}}
}

// of returns the stream of a party.
func (s *streams) of(party string) *rand.ChaCha8 {
	if s.all[party] == nil {
		s.all[party] = rand.NewChaCha8(s.key(party))
	}
	return s.all[party]
}

func (s *streams) key(party string) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d/%d/%s", s.seed, s.step, party))
}

// begin starts every stream anew for a step.
func (s *streams) begin(step int) {
	s.step = step
	for party, stream := range s.all {
		stream.Seed(s.key(party))
	}
}
