package engine

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"encoding/asn1"
	"math/big"
)

// ECPublicKey is a point on a curve.
type ECPublicKey struct {
	curve    *Curve
	point    affinePoint
	standard *ecdsa.PublicKey
}

// ECPrivateKey is a scalar for a curve. Making one costs about as much as a
// signature: keep it for the next.
type ECPrivateKey struct {
	curve    *Curve
	d        *big.Int
	standard *ecdsa.PrivateKey
	exchange *ecdh.PrivateKey
}

// NewPublicKey reads an uncompressed point (SEC 1 §2.3.4), which must lie on the curve.
func (c *Curve) NewPublicKey(point []byte) (*ECPublicKey, error) {
	pt, err := c.parsePoint(point)
	if err != nil {
		return nil, err
	}
	k := &ECPublicKey{curve: c, point: pt}
	if c.standard != nil {
		if k.standard, err = ecdsa.ParseUncompressedPublicKey(c.standard, point); err != nil {
			return nil, ErrParameter
		}
	}
	return k, nil
}

// NewPrivateKey takes a scalar from 1 to n-1.
func (c *Curve) NewPrivateKey(scalar []byte) (*ECPrivateKey, error) {
	k := &ECPrivateKey{curve: c, d: new(big.Int).SetBytes(scalar)}
	if k.d.Sign() == 0 || k.d.Cmp(c.n) >= 0 {
		return nil, ErrParameter
	}
	if c.standard != nil {
		var err error
		raw := k.d.FillBytes(make([]byte, c.ScalarSize()))
		if k.standard, err = ecdsa.ParseRawPrivateKey(c.standard, raw); err != nil {
			return nil, ErrParameter
		}
		if exchange, err := k.standard.ECDH(); err == nil { // crypto/ecdh lacks P-224
			k.exchange = exchange
		}
	}
	return k, nil
}

// PublicPoint returns the public key that belongs to k, uncompressed.
func (k *ECPrivateKey) PublicPoint() ([]byte, error) {
	if k.standard != nil {
		if point, err := k.standard.PublicKey.Bytes(); err == nil {
			return point, nil
		}
	}
	point, ok := k.curve.multiply(k.d, affinePoint{k.curve.gx, k.curve.gy})
	if !ok {
		return nil, ErrParameter
	}
	return k.curve.encode(point), nil
}

// ecdsaSignature is the Ecdsa-Sig-Value of RFC 3279 §2.2.3.
type ecdsaSignature struct{ R, S *big.Int }

// Sign signs a digest of h (ECDSA, FIPS 186-5 §6.4.1) with the nonce of RFC 6979,
// so that the same digest gives the same signature. The result is DER.
func (k *ECPrivateKey) Sign(h crypto.Hash, digest []byte) ([]byte, error) {
	if len(digest) != h.Size() {
		return nil, ErrLength
	}
	if k.standard != nil {
		signature, err := k.standard.Sign(nil, digest, h)
		if err != nil {
			return nil, ErrParameter
		}
		return signature, nil
	}
	c := k.curve
	e := leftmostBits(digest, c.n)
	nonces := newNonceSource(h, c.n, k.d, digest)
	for {
		nonce := nonces.next()
		point, ok := c.multiply(nonce, affinePoint{c.gx, c.gy})
		inverse := new(big.Int).ModInverse(nonce, c.n)
		if !ok || inverse == nil { // n is no prime, or not the order of the base point
			return nil, ErrParameter
		}
		r := new(big.Int).Mod(point.x, c.n)
		s := new(big.Int).Mul(r, k.d)
		s.Add(s, e).Mul(s, inverse).Mod(s, c.n)
		if r.Sign() != 0 && s.Sign() != 0 {
			return asn1.Marshal(ecdsaSignature{r, s})
		}
	}
}

// Verify reports whether a DER signature fits a digest (FIPS 186-5 §6.4.2).
func (k *ECPublicKey) Verify(digest, signature []byte) bool {
	if k.standard != nil {
		return ecdsa.VerifyASN1(k.standard, digest, signature)
	}
	var parsed ecdsaSignature
	if rest, err := asn1.Unmarshal(signature, &parsed); err != nil || len(rest) != 0 {
		return false
	}
	c, r, s := k.curve, parsed.R, parsed.S
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(c.n) >= 0 || s.Cmp(c.n) >= 0 {
		return false
	}
	w := new(big.Int).ModInverse(s, c.n)
	if w == nil {
		return false
	}
	u1 := new(big.Int).Mul(leftmostBits(digest, c.n), w)
	u2 := new(big.Int).Mul(r, w)
	sum := c.add(c.multiplyJacobian(u1.Mod(u1, c.n), affinePoint{c.gx, c.gy}),
		c.multiplyJacobian(u2.Mod(u2, c.n), k.point))
	point, ok := c.affine(sum)
	return ok && point.x.Mod(point.x, c.n).Cmp(r) == 0
}

// SharedX returns the x coordinate of k times the other party's point (SEC 1
// §3.3.1), FieldSize bytes.
func (k *ECPrivateKey) SharedX(point []byte) ([]byte, error) {
	if k.exchange != nil {
		public, err := k.exchange.Curve().NewPublicKey(point)
		if err != nil {
			return nil, ErrParameter
		}
		shared, err := k.exchange.ECDH(public)
		if err != nil {
			return nil, ErrParameter
		}
		return shared, nil
	}
	shared, err := k.SharedPoint(point)
	if err != nil {
		return nil, err
	}
	return shared[1 : 1+k.curve.FieldSize()], nil
}

// SharedPoint returns k times the other party's point, uncompressed.
func (k *ECPrivateKey) SharedPoint(point []byte) ([]byte, error) { return k.shared(k.d, point) }

// SharedXWithCofactor is SharedX with k multiplied by the cofactor (SEC 1 §3.3.2).
func (k *ECPrivateKey) SharedXWithCofactor(point []byte) ([]byte, error) {
	if k.curve.cofactor == 1 {
		return k.SharedX(point)
	}
	scalar := new(big.Int).Mul(k.d, big.NewInt(int64(k.curve.cofactor)))
	shared, err := k.shared(scalar, point)
	if err != nil {
		return nil, err
	}
	return shared[1 : 1+k.curve.FieldSize()], nil
}

// MappedPoint returns k times the base point plus the other party's point,
// uncompressed: the generic mapping of PACE (TR-03110-3 §A.3.5.1), where k is the
// nonce and the point was agreed upon.
func (k *ECPrivateKey) MappedPoint(point []byte) ([]byte, error) {
	c := k.curve
	other, err := c.parsePoint(point)
	if err != nil {
		return nil, err
	}
	own := c.multiplyJacobian(k.d, affinePoint{c.gx, c.gy})
	sum, ok := c.affine(c.add(own, jacobian{other.x, other.y, big.NewInt(1)}))
	if !ok {
		return nil, ErrParameter
	}
	return c.encode(sum), nil
}

func (k *ECPrivateKey) shared(scalar *big.Int, point []byte) ([]byte, error) {
	other, err := k.curve.parsePoint(point)
	if err != nil {
		return nil, err
	}
	shared, ok := k.curve.multiply(scalar, other)
	if !ok {
		return nil, ErrParameter
	}
	return k.curve.encode(shared), nil
}
