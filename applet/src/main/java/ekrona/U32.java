package ekrona;

import javacard.framework.Util;

/**
 * Unsigned 32-bit numbers, big-endian in byte arrays: amounts and counters. Java Card 3.0.4 does
 * not make every card offer int, so a number is handled as two halves. Nothing wraps unnoticed: an
 * overflow is reported to the caller.
 */
final class U32 {
    static final short LENGTH = (short) 4;

    private static final short SIGN = (short) 0x8000;
    /** Offset of the lower half. */
    private static final short HALF = (short) 2;

    private U32() {
    }

    /** Unsigned comparison: true when a &gt; b. */
    static boolean greater(byte[] a, short aOffset, byte[] b, short bOffset) {
        short left = Util.getShort(a, aOffset);
        short right = Util.getShort(b, bOffset);
        if (left == right) {
            left = Util.getShort(a, (short) (aOffset + HALF));
            right = Util.getShort(b, (short) (bOffset + HALF));
        }
        return isLess(right, left);
    }

    /** Unsigned comparison of halves. */
    private static boolean isLess(short a, short b) {
        return (short) (a ^ SIGN) < (short) (b ^ SIGN);
    }

    static boolean isZero(byte[] a, short offset) {
        return Util.getShort(a, offset) == 0 && Util.getShort(a, (short) (offset + HALF)) == 0;
    }

    /**
     * a += b. Returns false on overflow: a then holds the sum modulo 2^32, which nobody uses but
     * the log's running totals.
     */
    static boolean add(byte[] a, short aOffset, byte[] b, short bOffset) {
        short low = Util.getShort(b, (short) (bOffset + HALF));
        short lowSum = (short) (Util.getShort(a, (short) (aOffset + HALF)) + low);
        short high = Util.getShort(b, bOffset);
        short sum = (short) (Util.getShort(a, aOffset) + high);
        boolean overflow = isLess(sum, high);
        if (isLess(lowSum, low)) { // a carry
            sum++;
            overflow |= sum == 0;
        }
        Util.setShort(a, (short) (aOffset + HALF), lowSum);
        Util.setShort(a, aOffset, sum);
        return !overflow;
    }

    /**
     * a -= b. Returns false on underflow: a then holds the difference modulo 2^32, which nobody
     * uses but the log's running totals.
     */
    static boolean subtract(byte[] a, short aOffset, byte[] b, short bOffset) {
        boolean underflow = greater(b, bOffset, a, aOffset);
        short low = Util.getShort(a, (short) (aOffset + HALF));
        short lowB = Util.getShort(b, (short) (bOffset + HALF));
        short high = (short) (Util.getShort(a, aOffset) - Util.getShort(b, bOffset));
        if (isLess(low, lowB)) { // a borrow
            high--;
        }
        Util.setShort(a, (short) (aOffset + HALF), (short) (low - lowB));
        Util.setShort(a, aOffset, high);
        return !underflow;
    }

    /** a += n, for a small n that is not negative. Returns false on overflow, as add does. */
    static boolean increment(byte[] a, short offset, short n) {
        short carry = n;
        for (short i = (short) 3; i >= 0 && carry != 0; i--) {
            carry = (short) (carry + (short) (a[(short) (offset + i)] & 0xFF));
            a[(short) (offset + i)] = (byte) carry;
            carry = (short) (carry >> 8);
        }
        return carry == 0;
    }
}
