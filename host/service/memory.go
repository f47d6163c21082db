package service

import (
	"errors"
	"io"
	"sync"

	"ekrona.example/host/remote"
)

// share is the part of the memory for requests, and of the connections, that one address can have:
// 1/share.
const share = 4

// MinMemory is the least memory for requests: one address can send the largest one.
const MinMemory = share * (remote.MaxMessage + maxHeaderBytes)

var errNoMemory = errors.New("no memory for more requests")

// memory bounds the bytes of requests that are read or carried out, in all and for each address,
// by those that have come: who sends slowly, or announces much, holds no more than was sent.
type memory struct {
	most, mostOfOne int

	mu   sync.Mutex
	used int
	by   map[string]int
}

func newMemory(most int) *memory {
	return &memory{most: most, mostOfOne: most / share, by: map[string]int{}}
}

// heldBytes are those that one request holds.
type heldBytes struct {
	of      *memory
	address string
	bytes   int
}

// take has a request hold more, or reports that there is no room for it.
func (h *heldBytes) take(bytes int) bool {
	m := h.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used+bytes > m.most || m.by[h.address]+bytes > m.mostOfOne {
		return false
	}
	m.used += bytes
	m.by[h.address] += bytes
	h.bytes += bytes
	return true
}

// free gives back what a request holds.
func (h *heldBytes) free() {
	m := h.of
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= h.bytes
	if m.by[h.address] -= h.bytes; m.by[h.address] == 0 {
		delete(m.by, h.address)
	}
	h.bytes = 0
}

// heldReader holds what is read. Errors: errNoMemory, and those of the reader.
type heldReader struct {
	io.Reader
	held *heldBytes
}

// Read implements io.Reader.
func (r heldReader) Read(into []byte) (int, error) {
	n, err := r.Reader.Read(into)
	if !r.held.take(n) {
		return 0, errNoMemory
	}
	return n, err
}
