package ekrona;

import javacard.framework.Util;

/**
 * Unsigned 32-bit numbers, big-endian in byte arrays: amounts and counters. Java Card 3.0.4 has no int that every
 * card offers, so they are worked on as two halves. Nothing here wraps: an overflow is told to the caller.
 */
final class U32 {
    static final short LENGTH = (short) 4;

    private static final short SIGN = (short) 0x8000;

    private U32() {
    }

    /** Unsigned comparison: true when a &gt; b. */
    static boolean greater(byte[] a, short aOffset, byte[] b, short bOffset) {
        short left = Util.getShort(a, aOffset);
        short right = Util.getShort(b, bOffset);
        if (left == right) {
            left = Util.getShort(a, (short) (aOffset + 2));
            right = Util.getShort(b, (short) (bOffset + 2));
        }
        return (short) (left ^ SIGN) > (short) (right ^ SIGN);
    }

    static boolean isZero(byte[] a, short offset) {
        return Util.getShort(a, offset) == 0 && Util.getShort(a, (short) (offset + 2)) == 0;
    }

    /** a += b. False on overflow: a then holds the sum modulo 2^32, and the caller must not use it. */
    static boolean add(byte[] a, short aOffset, byte[] b, short bOffset) {
        short carry = 0;
        for (short i = (short) 3; i >= 0; i--) {
            short sum = (short) ((short) (a[(short) (aOffset + i)] & 0xFF) + (short) (b[(short) (bOffset + i)] & 0xFF) + carry);
            a[(short) (aOffset + i)] = (byte) sum;
            carry = (short) (sum >> 8);
        }
        return carry == 0;
    }

    /** a -= b. False on underflow: a then holds the difference modulo 2^32, and the caller must not use it. */
    static boolean subtract(byte[] a, short aOffset, byte[] b, short bOffset) {
        short borrow = 0;
        for (short i = (short) 3; i >= 0; i--) {
            short difference =
                    (short) ((short) (a[(short) (aOffset + i)] & 0xFF) - (short) (b[(short) (bOffset + i)] & 0xFF) - borrow);
            a[(short) (aOffset + i)] = (byte) difference;
            borrow = (short) ((difference >> 8) & 1);
        }
        return borrow == 0;
    }

    /** a += n, for a small n that is not negative. False on overflow, as in add. */
    static boolean advance(byte[] a, short offset, short n) {
        short carry = n;
        for (short i = (short) 3; i >= 0 && carry != 0; i--) {
            carry = (short) (carry + (short) (a[(short) (offset + i)] & 0xFF));
            a[(short) (offset + i)] = (byte) carry;
            carry = (short) (carry >> 8);
        }
        return carry == 0;
    }
}
