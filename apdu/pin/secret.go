package pin

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
)

// Secret is what a private key and a card's key share: the X coordinate of ECDH.
func Secret(own *ecdh.PrivateKey, card *ecdsa.PublicKey) ([]byte, error) {
	peer, err := card.ECDH()
	if err != nil {
		return nil, fmt.Errorf("the card's key: %w", err)
	}
	return own.ECDH(peer)
}

// Hash is SHA-256 of a secret, a label and what is tied to it (TR-03111 §4.3.3).
func Hash(secret []byte, label string, parts ...[]byte) []byte {
	h := sha256.New()
	h.Write(secret)
	h.Write([]byte(label))
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}
