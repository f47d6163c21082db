package engine

import (
	"fmt"
	"io"
	"math/big"

	"ekrona.example/apdu/entropy"
)

// randomBelow returns a number from 1 to limit-1, even over that range, by drawing
// as many bits as limit has until one fits.
func randomBelow(random io.Reader, limit *big.Int) (*big.Int, error) {
	if limit.Cmp(big.NewInt(2)) < 0 {
		return nil, ErrParameter
	}
	bits := limit.BitLen()
	draw := make([]byte, (bits+7)/8)
	for {
		if err := entropy.Fill(random, draw); err != nil {
			return nil, fmt.Errorf("engine: %w", err)
		}
		draw[0] &= 0xFF >> (len(draw)*8 - bits)
		if n := new(big.Int).SetBytes(draw); n.Sign() > 0 && n.Cmp(limit) < 0 {
			return n, nil
		}
	}
}

// randomPrime returns a prime of exactly the given length in bits, whose two
// highest bits are set, so that the product of two such has twice the length.
func randomPrime(random io.Reader, bits int) (*big.Int, error) {
	draw := make([]byte, (bits+7)/8)
	for {
		if err := entropy.Fill(random, draw); err != nil {
			return nil, fmt.Errorf("engine: %w", err)
		}
		n := new(big.Int).SetBytes(draw)
		n.Rsh(n, uint(len(draw)*8-bits))
		n.SetBit(n, bits-1, 1).SetBit(n, bits-2, 1).SetBit(n, 0, 1)
		if n.ProbablyPrime(20) {
			return n, nil
		}
	}
}
