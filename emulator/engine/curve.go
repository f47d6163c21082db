package engine

import (
	"crypto/elliptic"
	"io"
	"math/big"
)

// Curve is a curve y² = x³ + ax + b over F(p) with a base point and its order
// (SEC 1 §3.1.1), with any parameters. The NIST curves take a fast path.
type Curve struct {
	p, a, b  *big.Int
	gx, gy   *big.Int
	n        *big.Int
	cofactor int
	standard elliptic.Curve // nil if the parameters are not those of a NIST curve
}

// Bounds on the field that the engine accepts, in bits.
const (
	minFieldBits = 112
	maxFieldBits = 521
)

// NewCurve checks the domain parameters and returns the curve. The base point g is
// uncompressed (SEC 1 §2.3.3). The order is not proved to be right.
func NewCurve(p, a, b, g, n []byte, cofactor int) (*Curve, error) {
	c := &Curve{
		p: new(big.Int).SetBytes(p), a: new(big.Int).SetBytes(a), b: new(big.Int).SetBytes(b),
		n: new(big.Int).SetBytes(n), cofactor: cofactor,
	}
	if c.p.BitLen() < minFieldBits || c.p.BitLen() > maxFieldBits || c.p.Bit(0) == 0 ||
		c.a.Cmp(c.p) >= 0 || c.b.Cmp(c.p) >= 0 || c.n.BitLen() < 2 ||
		c.n.BitLen() > c.p.BitLen()+1 || cofactor < 1 {
		return nil, ErrParameter
	}
	base, err := c.parsePoint(g)
	if err != nil {
		return nil, err
	}
	c.gx, c.gy = base.x, base.y
	for _, standard := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521(),
		elliptic.P224()} {
		if c.is(standard.Params()) {
			c.standard = standard
		}
	}
	return c, nil
}

func (c *Curve) is(s *elliptic.CurveParams) bool {
	minusThree := new(big.Int).Sub(s.P, big.NewInt(3))
	return c.p.Cmp(s.P) == 0 && c.a.Cmp(minusThree) == 0 && c.b.Cmp(s.B) == 0 &&
		c.gx.Cmp(s.Gx) == 0 && c.gy.Cmp(s.Gy) == 0 && c.n.Cmp(s.N) == 0 && c.cofactor == 1
}

// FieldSize returns the length of a coordinate in bytes.
func (c *Curve) FieldSize() int { return (c.p.BitLen() + 7) / 8 }

// ScalarSize returns the length of a private key in bytes.
func (c *Curve) ScalarSize() int { return (c.n.BitLen() + 7) / 8 }

// GenerateScalar draws a private key, ScalarSize bytes, evenly from 1 to n-1.
func (c *Curve) GenerateScalar(random io.Reader) ([]byte, error) {
	d, err := randomBelow(random, c.n)
	if err != nil {
		return nil, err
	}
	return d.FillBytes(make([]byte, c.ScalarSize())), nil
}

// affinePoint is a point that is not the point at infinity.
type affinePoint struct{ x, y *big.Int }

// parsePoint reads an uncompressed point, which must lie on the curve.
func (c *Curve) parsePoint(encoded []byte) (affinePoint, error) {
	size := c.FieldSize()
	if len(encoded) != 1+2*size || encoded[0] != 4 {
		return affinePoint{}, ErrParameter
	}
	pt := affinePoint{new(big.Int).SetBytes(encoded[1 : 1+size]),
		new(big.Int).SetBytes(encoded[1+size:])}
	if pt.x.Cmp(c.p) >= 0 || pt.y.Cmp(c.p) >= 0 {
		return affinePoint{}, ErrParameter
	}
	right := new(big.Int).Mul(pt.x, pt.x)
	right.Add(right, c.a).Mul(right, pt.x).Add(right, c.b).Mod(right, c.p)
	left := new(big.Int).Mul(pt.y, pt.y)
	if left.Mod(left, c.p).Cmp(right) != 0 {
		return affinePoint{}, ErrParameter
	}
	return pt, nil
}

// encode returns the uncompressed form.
func (c *Curve) encode(pt affinePoint) []byte {
	size := c.FieldSize()
	out := make([]byte, 1+2*size)
	out[0] = 4
	pt.x.FillBytes(out[1 : 1+size])
	pt.y.FillBytes(out[1+size:])
	return out
}

// jacobian is the point (x/z², y/z³), or infinity if z is zero.
type jacobian struct{ x, y, z *big.Int }

func infinity() jacobian {
	return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
}

func (c *Curve) mul(a, b *big.Int) *big.Int {
	product := new(big.Int).Mul(a, b)
	return product.Mod(product, c.p)
}

func (c *Curve) sub(a, b *big.Int) *big.Int {
	difference := new(big.Int).Sub(a, b)
	return difference.Mod(difference, c.p)
}

// double returns 2q, for any a (Explicit-Formulas Database, "dbl-2007-bl" shape).
func (c *Curve) double(q jacobian) jacobian {
	if q.z.Sign() == 0 || q.y.Sign() == 0 {
		return infinity()
	}
	xx, yy, zz := c.mul(q.x, q.x), c.mul(q.y, q.y), c.mul(q.z, q.z)
	s := c.mul(q.x, yy)
	s.Lsh(s, 2)
	m := new(big.Int).Mul(xx, big.NewInt(3))
	m.Add(m, c.mul(c.a, c.mul(zz, zz)))
	x := new(big.Int).Mul(m, m)
	x.Sub(x, new(big.Int).Lsh(s, 1)).Mod(x, c.p)
	yyyy := c.mul(yy, yy)
	y := new(big.Int).Mul(m, s.Sub(s, x))
	y.Sub(y, yyyy.Lsh(yyyy, 3)).Mod(y, c.p)
	z := new(big.Int).Mul(q.y, q.z)
	z.Lsh(z, 1).Mod(z, c.p)
	return jacobian{x, y, z}
}

// add returns q + r ("add-2007-bl" shape).
func (c *Curve) add(q, r jacobian) jacobian {
	if q.z.Sign() == 0 {
		return r
	}
	if r.z.Sign() == 0 {
		return q
	}
	qzz, rzz := c.mul(q.z, q.z), c.mul(r.z, r.z)
	u1, u2 := c.mul(q.x, rzz), c.mul(r.x, qzz)
	s1, s2 := c.mul(q.y, c.mul(r.z, rzz)), c.mul(r.y, c.mul(q.z, qzz))
	h, d := c.sub(u2, u1), c.sub(s2, s1)
	if h.Sign() == 0 {
		if d.Sign() == 0 {
			return c.double(q)
		}
		return infinity()
	}
	hh := c.mul(h, h)
	hhh, v := c.mul(h, hh), c.mul(u1, hh)
	x := new(big.Int).Mul(d, d)
	x.Sub(x, hhh).Sub(x, new(big.Int).Lsh(v, 1)).Mod(x, c.p)
	y := new(big.Int).Mul(d, v.Sub(v, x))
	y.Sub(y, hhh.Mul(hhh, s1)).Mod(y, c.p)
	return jacobian{x, y, c.mul(h, c.mul(q.z, r.z))}
}

// multiply returns k times a point; it reports false for the point at infinity.
func (c *Curve) multiply(k *big.Int, pt affinePoint) (affinePoint, bool) {
	return c.affine(c.multiplyJacobian(k, pt))
}

func (c *Curve) multiplyJacobian(k *big.Int, pt affinePoint) jacobian {
	base := jacobian{pt.x, pt.y, big.NewInt(1)}
	sum := infinity()
	for i := k.BitLen() - 1; i >= 0; i-- {
		sum = c.double(sum)
		if k.Bit(i) == 1 {
			sum = c.add(sum, base)
		}
	}
	return sum
}

func (c *Curve) affine(q jacobian) (affinePoint, bool) {
	if q.z.Sign() == 0 {
		return affinePoint{}, false
	}
	inverse := new(big.Int).ModInverse(q.z, c.p)
	if inverse == nil { // p is no prime
		return affinePoint{}, false
	}
	square := c.mul(inverse, inverse)
	return affinePoint{c.mul(q.x, square), c.mul(q.y, c.mul(inverse, square))}, true
}
