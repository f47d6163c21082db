// Package entropy reads randomness. Code that draws keys, nonces or challenges takes an
// io.Reader from its caller, so that a seeded run repeats, and reads it with [Fill].
package entropy

import (
	"fmt"
	"io"
	"sync"
)

// Fill fills a buffer from a source of randomness. After an error the buffer is of no use.
func Fill(source io.Reader, into []byte) error {
	if _, err := io.ReadFull(source, into); err != nil {
		return fmt.Errorf("the source of randomness failed: %w", err)
	}
	return nil
}

// Shared makes a source safe for concurrent use, which a seeded one is not by itself.
func Shared(source io.Reader) io.Reader { return &shared{source: source} }

type shared struct {
	one    sync.Mutex
	source io.Reader
}

// Read implements io.Reader.
func (s *shared) Read(into []byte) (int, error) {
	s.one.Lock()
	defer s.one.Unlock()
	return s.source.Read(into)
}
