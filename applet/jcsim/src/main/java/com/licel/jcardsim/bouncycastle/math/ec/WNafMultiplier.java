package com.licel.jcardsim.bouncycastle.math.ec;

import java.math.BigInteger;

/**
 * Multiplies points of curves over prime fields by numbers in non-adjacent form: its digits stand
 * where the bits of a number and of three times the number differ.
 */
class WNafMultiplier implements ECMultiplier {
    @Override
    public ECPoint multiply(ECPoint p, BigInteger k, PreCompInfo unused) {
        BigInteger threefold = k.multiply(BigInteger.valueOf(3));
        ECPoint negative = p.negate();
        JacobianPoint sum = new JacobianPoint(p);
        for (int i = threefold.bitLength() - 2; i > 0; i--) {
            sum.twice();
            boolean bit = threefold.testBit(i);
            if (bit != k.testBit(i)) {
                sum.add(bit ? p : negative);
            }
        }
        return sum.affine();
    }
}
