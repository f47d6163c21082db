package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"io"

	"ekrona.example/apdu/entropy"
)

// scalarBytes is the length of a P-256 private key.
const scalarBytes = 32

// Generate makes a P-256 key from random alone, so that a run with a seeded
// reader makes the same keys: ecdsa.GenerateKey has ignored its reader since
// Go 1.26. Candidates outside [1, n-1] are thrown away (FIPS 186-5 §A.2.2).
func Generate(random io.Reader) (*ecdsa.PrivateKey, error) {
	candidate := make([]byte, scalarBytes)
	defer clear(candidate)
	for {
		if err := entropy.Fill(random, candidate); err != nil {
			return nil, fmt.Errorf("making a key: %w", err)
		}
		// The only error for 32 bytes is a value out of range: one in 2^32.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), candidate); err == nil {
			return key, nil
		}
	}
}
