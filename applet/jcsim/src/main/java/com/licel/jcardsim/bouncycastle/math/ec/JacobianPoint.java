package com.licel.jcardsim.bouncycastle.math.ec;

import java.math.BigInteger;

/**
 * A point of a curve over a prime field in Jacobian coordinates, x = X / Z^2 and y = Y / Z^3, of
 * which infinity has Z = 0: sums take no inversion (Cohen, Miyaji, Ono, "Efficient elliptic curve
 * exponentiation using mixed coordinates", 1998).
 */
final class JacobianPoint {
    private final ECCurve.Fp curve;
    private final BigInteger q;
    private final BigInteger a;
    private BigInteger x = BigInteger.ONE;
    private BigInteger y = BigInteger.ONE;
    private BigInteger z = BigInteger.ZERO;

    /** Infinity. */
    JacobianPoint(ECCurve.Fp curve) {
        this.curve = curve;
        q = curve.getQ();
        a = curve.getA().toBigInteger();
    }

    JacobianPoint(ECPoint p) {
        this((ECCurve.Fp) p.getCurve());
        set(p);
    }

    private void set(ECPoint p) {
        x = p.getX().toBigInteger();
        y = p.getY().toBigInteger();
        z = BigInteger.ONE;
    }

    void twice() {
        BigInteger yy = product(y, y);
        BigInteger zz = product(z, z);
        BigInteger s = product(x, yy).shiftLeft(2);
        BigInteger m =
                product(x, x).multiply(BigInteger.valueOf(3)).add(product(a, product(zz, zz)));
        z = product(y, z).shiftLeft(1).mod(q);
        x = m.multiply(m).subtract(s.shiftLeft(1)).mod(q);
        y = m.multiply(s.subtract(x)).subtract(yy.multiply(yy).shiftLeft(3)).mod(q);
    }

    void add(ECPoint p) {
        if (p.isInfinity()) {
            return;
        }
        if (z.signum() == 0) {
            set(p);
            return;
        }
        BigInteger zz = product(z, z);
        BigInteger h = product(p.getX().toBigInteger(), zz).subtract(x).mod(q);
        BigInteger r = product(p.getY().toBigInteger(), product(zz, z)).subtract(y).mod(q);
        if (h.signum() == 0) {
            if (r.signum() == 0) {
                twice();
            } else {
                z = BigInteger.ZERO;
            }
            return;
        }
        BigInteger hh = product(h, h);
        BigInteger hhh = product(hh, h);
        BigInteger v = product(x, hh);
        x = r.multiply(r).subtract(hhh).subtract(v.shiftLeft(1)).mod(q);
        y = r.multiply(v.subtract(x)).subtract(y.multiply(hhh)).mod(q);
        z = product(z, h);
    }

    /** The point in the coordinates that others use. */
    ECPoint affine() {
        if (z.signum() == 0) {
            return curve.getInfinity();
        }
        BigInteger inverse = z.modInverse(q);
        BigInteger square = product(inverse, inverse);
        return curve.createPoint(product(x, square), product(y, product(square, inverse)), false);
    }

    private BigInteger product(BigInteger b, BigInteger c) {
        return b.multiply(c).mod(q);
    }
}
