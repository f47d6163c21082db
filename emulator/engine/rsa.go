package engine

import (
	"io"
	"math/big"
)

// RSAPublicKey is the public half of an RSA key.
type RSAPublicKey struct {
	size int
	n, e *big.Int
}

// RSAPrivateKey is the private half, as exponent or as the five parts for the
// Chinese remainder theorem (RFC 8017 §3.2).
type RSAPrivateKey struct {
	size            int
	n, d            *big.Int
	p, q            *big.Int
	dp, dq, inverse *big.Int
}

// Bounds on the keys that the engine accepts, in bits. The Java Card API begins at 512.
const (
	minRSABits = 512
	maxRSABits = 4096
)

// validModulus reports whether a modulus fits a key of so many bits. It may be shorter, and
// even: as on cards, applets raise numbers to powers modulo whatever they like.
func validModulus(bits int, n *big.Int) bool {
	return bits >= minRSABits && bits <= maxRSABits && n.BitLen() <= bits && n.Sign() > 0
}

// NewRSAPublicKey returns the key of a modulus and an exponent, in a key of so many bits.
func NewRSAPublicKey(bits int, modulus, exponent []byte) (*RSAPublicKey, error) {
	k := &RSAPublicKey{size: bits / 8, n: new(big.Int).SetBytes(modulus),
		e: new(big.Int).SetBytes(exponent)}
	if !validModulus(bits, k.n) || k.e.Sign() == 0 || k.e.Cmp(k.n) >= 0 {
		return nil, ErrParameter
	}
	return k, nil
}

// NewRSAPrivateKey returns the key of a modulus and a private exponent, in a key of so
// many bits.
func NewRSAPrivateKey(bits int, modulus, exponent []byte) (*RSAPrivateKey, error) {
	k := &RSAPrivateKey{size: bits / 8, n: new(big.Int).SetBytes(modulus),
		d: new(big.Int).SetBytes(exponent)}
	if !validModulus(bits, k.n) || k.d.Sign() == 0 || k.d.Cmp(k.n) >= 0 {
		return nil, ErrParameter
	}
	return k, nil
}

// NewRSAPrivateCRTKey returns the key of the five parts: the primes p and q, d mod
// p-1, d mod q-1 and the inverse of q mod p.
func NewRSAPrivateCRTKey(bits int, p, q, dp, dq, inverse []byte) (*RSAPrivateKey, error) {
	k := &RSAPrivateKey{
		size: bits / 8,
		p:    new(big.Int).SetBytes(p), q: new(big.Int).SetBytes(q),
		dp: new(big.Int).SetBytes(dp), dq: new(big.Int).SetBytes(dq),
		inverse: new(big.Int).SetBytes(inverse),
	}
	k.n = new(big.Int).Mul(k.p, k.q)
	if !validModulus(bits, k.n) || k.dp.Sign() == 0 || k.dq.Sign() == 0 || k.inverse.Sign() == 0 {
		return nil, ErrParameter
	}
	return k, nil
}

// Size returns the length of the key, and of all that it gives, in bytes.
func (k *RSAPublicKey) Size() int { return k.size }

// Size returns the length of the key, and of all that it gives, in bytes.
func (k *RSAPrivateKey) Size() int { return k.size }

// Apply computes the bare public operation on a number of Size bytes or fewer that
// is below the modulus (RFC 8017 §5.1.1), and returns Size bytes.
func (k *RSAPublicKey) Apply(message []byte) ([]byte, error) {
	m := new(big.Int).SetBytes(message)
	if m.Cmp(k.n) >= 0 {
		return nil, ErrLength
	}
	return m.Exp(m, k.e, k.n).FillBytes(make([]byte, k.Size())), nil
}

// Apply computes the bare private operation (RFC 8017 §5.1.2), as the public key's
// Apply does.
func (k *RSAPrivateKey) Apply(message []byte) ([]byte, error) {
	c := new(big.Int).SetBytes(message)
	if c.Cmp(k.n) >= 0 {
		return nil, ErrLength
	}
	out := make([]byte, k.Size())
	if k.d != nil {
		return c.Exp(c, k.d, k.n).FillBytes(out), nil
	}
	m1 := new(big.Int).Exp(c, k.dp, k.p)
	m2 := new(big.Int).Exp(c, k.dq, k.q)
	h := m1.Sub(m1, m2)
	h.Mul(h, k.inverse).Mod(h, k.p)
	m := h.Mul(h, k.q).Add(h, m2)
	return m.Mod(m, k.n).FillBytes(out), nil
}

// RSAKeyPair holds all numbers of a generated key, each big-endian; Modulus and
// PrivateExponent have the length of the modulus, the CRT parts half of it.
type RSAKeyPair struct {
	Modulus, PublicExponent, PrivateExponent []byte
	P, Q, DP, DQ, Inverse                    []byte
}

// GenerateRSA draws a key of the given length in bits (a multiple of 16) for a
// public exponent, which must be odd and above 2.
func GenerateRSA(random io.Reader, bits int, exponent []byte) (*RSAKeyPair, error) {
	e := new(big.Int).SetBytes(exponent)
	if bits < minRSABits || bits > maxRSABits || bits%16 != 0 || e.Bit(0) == 0 || e.BitLen() < 2 ||
		e.BitLen() >= bits/2 {
		return nil, ErrParameter
	}
	one := big.NewInt(1)
	for {
		p, err := randomPrime(random, bits/2)
		if err != nil {
			return nil, err
		}
		q, err := randomPrime(random, bits/2)
		if err != nil {
			return nil, err
		}
		if p.Cmp(q) < 0 {
			p, q = q, p
		}
		pLess, qLess := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
		order := new(big.Int).Mul(pLess, qLess)
		d := new(big.Int).ModInverse(e, order)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		half := func(n *big.Int) []byte { return n.FillBytes(make([]byte, bits/16)) }
		whole := func(n *big.Int) []byte { return n.FillBytes(make([]byte, bits/8)) }
		return &RSAKeyPair{
			Modulus: whole(new(big.Int).Mul(p, q)), PublicExponent: e.Bytes(),
			PrivateExponent: whole(d),
			P:               half(p), Q: half(q),
			DP: half(new(big.Int).Mod(d, pLess)), DQ: half(new(big.Int).Mod(d, qLess)),
			Inverse: half(new(big.Int).ModInverse(q, p)),
		}, nil
	}
}
