package com.licel.jcardsim.bouncycastle.math.ec;

import java.math.BigInteger;

/** Sums of two multiples, for the verification of signatures. */
public final class ECAlgorithms {
    private ECAlgorithms() {
    }

    /** k p + l q. */
    public static ECPoint sumOfTwoMultiplies(ECPoint p, BigInteger k, ECPoint q, BigInteger l) {
        if (!p.getCurve().equals(q.getCurve())) {
            throw new IllegalArgumentException("two points of different curves");
        }
        ECPoint both = p.add(q);
        JacobianPoint sum = new JacobianPoint((ECCurve.Fp) p.getCurve());
        for (int i = Math.max(k.bitLength(), l.bitLength()) - 1; i >= 0; i--) {
            sum.twice();
            if (k.testBit(i)) {
                sum.add(l.testBit(i) ? both : p);
            } else if (l.testBit(i)) {
                sum.add(q);
            }
        }
        return sum.affine();
    }
}
