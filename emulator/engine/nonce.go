package engine

import (
	"crypto"
	"crypto/hmac"
	"math/big"
)

// nonceSource draws the nonces of RFC 6979 §3.2 for one signature.
type nonceSource struct {
	hash crypto.Hash
	n    *big.Int
	k, v []byte
}

func newNonceSource(h crypto.Hash, n, private *big.Int, digest []byte) *nonceSource {
	s := &nonceSource{hash: h, n: n, k: make([]byte, h.Size()), v: make([]byte, h.Size())}
	for i := range s.v {
		s.v[i] = 1
	}
	size := (n.BitLen() + 7) / 8
	reduced := leftmostBits(digest, n)
	reduced.Mod(reduced, n)
	seed := append(private.FillBytes(make([]byte, size)), reduced.FillBytes(make([]byte, size))...)
	s.update(0, seed)
	s.update(1, seed)
	return s
}

func (s *nonceSource) mac(parts ...[]byte) []byte {
	m := hmac.New(s.hash.New, s.k)
	for _, part := range parts {
		m.Write(part)
	}
	return m.Sum(nil)
}

func (s *nonceSource) update(separator byte, seed []byte) {
	s.k = s.mac(s.v, []byte{separator}, seed)
	s.v = s.mac(s.v)
}

// leftmostBits makes a number of the leftmost bits of a string, as many as n has
// (bits2int of RFC 6979 §2.3.2; FIPS 186-5 §6.4.1 step 2).
func leftmostBits(bits []byte, n *big.Int) *big.Int {
	number := new(big.Int).SetBytes(bits)
	if excess := len(bits)*8 - n.BitLen(); excess > 0 {
		number.Rsh(number, uint(excess))
	}
	return number
}

// next returns the next candidate in 1 to n-1.
func (s *nonceSource) next() *big.Int {
	for {
		var bits []byte
		for len(bits)*8 < s.n.BitLen() {
			s.v = s.mac(s.v)
			bits = append(bits, s.v...)
		}
		nonce := leftmostBits(bits, s.n)
		s.update(0, nil)
		if nonce.Sign() > 0 && nonce.Cmp(s.n) < 0 {
			return nonce
		}
	}
}
