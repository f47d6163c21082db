package service

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"sync"

	"ekrona.example/apdu/entropy"
)

// nonces are the numbers that callers sign, each once: a count with a MAC by a key that ends with
// the process. So none that another process gave, or this one before a restart, is taken, and only
// the last window of counts is remembered. Callers need no clock.
type nonces struct {
	key [sha256.Size]byte

	mu   sync.Mutex
	next uint64
	used []uint64 // one bit for each count of the window
}

const (
	nonceWindow = 1 << 20 // numbers that are given before one ends unused
	nonceMAC    = 16      // bytes
	countBytes  = 8
	wordBits    = 64
)

func newNonces(random io.Reader) (*nonces, error) {
	n := &nonces{used: make([]uint64, nonceWindow/wordBits)}
	return n, entropy.Fill(random, n.key[:])
}

func (n *nonces) mac(count []byte) []byte {
	h := hmac.New(sha256.New, n.key[:])
	h.Write(count)
	return h.Sum(nil)[:nonceMAC]
}

// give returns a number.
func (n *nonces) give() string {
	n.mu.Lock()
	count := n.next
	n.next++
	word, bit := n.at(count)
	n.used[word] &^= bit // the count before it in the window has ended
	n.mu.Unlock()
	encoded := binary.BigEndian.AppendUint64(nil, count)
	return base64.RawURLEncoding.EncodeToString(append(encoded, n.mac(encoded)...))
}

func (n *nonces) at(count uint64) (word int, bit uint64) {
	place := count % nonceWindow
	return int(place / wordBits), 1 << (place % wordBits)
}

// read returns the count of a number that this process gave.
func (n *nonces) read(nonce string) (count uint64, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(b) != countBytes+nonceMAC ||
		!hmac.Equal(b[countBytes:], n.mac(b[:countBytes])) {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// isFresh reports whether a number can be taken.
func (n *nonces) isFresh(nonce string) bool { return n.check(nonce, false) }

// take takes a number and reports whether it could be.
func (n *nonces) take(nonce string) bool { return n.check(nonce, true) }

func (n *nonces) check(nonce string, take bool) bool {
	count, ok := n.read(nonce)
	if !ok {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	word, bit := n.at(count)
	if count+nonceWindow < n.next || n.used[word]&bit != 0 {
		return false
	}
	if take {
		n.used[word] |= bit
	}
	return true
}
