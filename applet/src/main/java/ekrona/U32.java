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

    private static final byte[] ONE = {0, 0, 0, (byte) 1};

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
        return (short) (right ^ SIGN) < (short) (left ^ SIGN);
    }

    static boolean isZero(byte[] a, short offset) {
        return Util.getShort(a, offset) == 0 && Util.getShort(a, (short) (offset + HALF)) == 0;
    }

    /**
     * a += b. Returns false on overflow: a then holds the sum modulo 2^32, which nobody uses.
     */
    static boolean add(byte[] a, short aOffset, byte[] b, short bOffset) {
        short low = Util.getShort(b, (short) (bOffset + HALF));
        short lowSum = (short) (Util.getShort(a, (short) (aOffset + HALF)) + low);
        short high = Util.getShort(b, bOffset);
        short sum = (short) (Util.getShort(a, aOffset) + high);
        // Halves compare as unsigned numbers with their signs turned.
        boolean overflow = (short) (sum ^ SIGN) < (short) (high ^ SIGN);
        if ((short) (lowSum ^ SIGN) < (short) (low ^ SIGN)) { // a carry
            sum++;
            overflow |= sum == 0;
        }
        Util.setShort(a, (short) (aOffset + HALF), lowSum);
        Util.setShort(a, aOffset, sum);
        return !overflow;
    }

    /** a += b modulo 2^32: a running total. */
    static void count(byte[] a, short aOffset, byte[] b, short bOffset) {
        short low = Util.getShort(b, (short) (bOffset + HALF));
        short lowSum = (short) (Util.getShort(a, (short) (aOffset + HALF)) + low);
        short sum = (short) (Util.getShort(a, aOffset) + Util.getShort(b, bOffset));
        if ((short) (lowSum ^ SIGN) < (short) (low ^ SIGN)) { // a carry
            sum++;
        }
        Util.setShort(a, (short) (aOffset + HALF), lowSum);
        Util.setShort(a, aOffset, sum);
    }

    /**
     * a -= b. Returns false on underflow: a then holds the difference modulo 2^32, and the caller
     * must not use it.
     */
    static boolean subtract(byte[] a, short aOffset, byte[] b, short bOffset) {
        boolean underflow = greater(b, bOffset, a, aOffset);
        putDifference(a, aOffset, b, bOffset, a, aOffset);
        return !underflow;
    }

    /** target = a - b modulo 2^32, where a is known to be not less, or is a running total. */
    static void putDifference(byte[] a, short aOffset, byte[] b, short bOffset, byte[] target,
            short targetOffset) {
        short low = Util.getShort(a, (short) (aOffset + HALF));
        short lowLess = Util.getShort(b, (short) (bOffset + HALF));
        short high = (short) (Util.getShort(a, aOffset) - Util.getShort(b, bOffset));
        if ((short) (low ^ SIGN) < (short) (lowLess ^ SIGN)) { // a borrow
            high--;
        }
        Util.setShort(target, targetOffset, high);
        Util.setShort(target, (short) (targetOffset + HALF), (short) (low - lowLess));
    }

    /**
     * target = a - less + b, where a is known to be not less than less, or is a running total; a
     * and less are both in from. Returns false on overflow.
     */
    static boolean putDifferenceAnd(byte[] from, short a, short less, byte[] b, short bOffset,
            byte[] target, short targetOffset) {
        short low = Util.getShort(from, (short) (a + HALF));
        short lowLess = Util.getShort(from, (short) (less + HALF));
        short high = (short) (Util.getShort(from, a) - Util.getShort(from, less));
        if ((short) (low ^ SIGN) < (short) (lowLess ^ SIGN)) { // a borrow
            high--;
        }
        low -= lowLess;
        short lowSum = (short) (low + Util.getShort(b, (short) (bOffset + HALF)));
        short sum = (short) (high + Util.getShort(b, bOffset));
        boolean overflow = (short) (sum ^ SIGN) < (short) (high ^ SIGN);
        if ((short) (lowSum ^ SIGN) < (short) (low ^ SIGN)) { // a carry
            sum++;
            overflow |= sum == 0;
        }
        Util.setShort(target, targetOffset, sum);
        Util.setShort(target, (short) (targetOffset + HALF), lowSum);
        return !overflow;
    }

    /** a -= 1, where a is not zero. */
    static void decrement(byte[] a, short offset) {
        putDifference(a, offset, ONE, (short) 0, a, offset);
    }

    /** a += 1. Returns false on overflow, as add does. */
    static boolean increment(byte[] a, short offset) {
        short low = (short) (Util.getShort(a, (short) (offset + HALF)) + 1);
        if (low == 0) {
            return add(a, offset, ONE, (short) 0);
        }
        Util.setShort(a, (short) (offset + HALF), low);
        return true;
    }
}
