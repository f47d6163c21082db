package ekrona;

import javacard.framework.Util;

/**
 * Converts ECDSA signatures between two forms: plain r || s on the wire (TR-03111 section 5.2.1),
 * SEQUENCE of two INTEGERs in the Java Card API (TR-03111 section 5.2.2). It decodes what the
 * card's own engine wrote, and encodes what came from outside.
 */
final class Der {
    /** Longest form: 30 len, twice 02 len 00 and 32 bytes. */
    static final short MAX_LENGTH = (short) (2 + 2 * (3 + Spec.SCALAR_LENGTH));

    private static final byte SEQUENCE = (byte) 0x30;
    private static final byte INTEGER = (byte) 0x02;

    /** Tag and length of a number that fills its place. */
    private static final short UNSIGNED = (short) (0x0200 + Spec.SCALAR_LENGTH);
    /** And of one whose first bit is set, which has a zero before it. */
    private static final short SIGNED = (short) (UNSIGNED + 1);
    /** Tag and length of the sequence, but for the offset of its end. */
    private static final short HEADER = (short) (0x3000 - 2);
    /** Where the value of r begins. */
    private static final short R = (short) 4;

    private Der() {
    }

    /**
     * Turns the plain signature at offset into its DER form at the start of der. Returns the
     * length.
     */
    static short encode(byte[] plain, short offset, byte[] der) {
        byte r = plain[offset];
        short at = (short) (offset + Spec.SCALAR_LENGTH);
        byte s = plain[at];
        short next = (short) (R - 2);
        if (r == 0 || s == 0) { // a number that is shorter than its place
            next = putInteger(plain, at, der, putInteger(plain, offset, der, next));
        } else {
            if (r < 0) {
                next = Util.setShort(der, next, SIGNED);
                der[next++] = 0;
            } else {
                next = Util.setShort(der, next, UNSIGNED);
            }
            next = Util.arrayCopyNonAtomic(plain, offset, der, next, Spec.SCALAR_LENGTH);
            if (s < 0) {
                next = Util.setShort(der, next, SIGNED);
                der[next++] = 0;
            } else {
                next = Util.setShort(der, next, UNSIGNED);
            }
            next = Util.arrayCopyNonAtomic(plain, at, der, next, Spec.SCALAR_LENGTH);
        }
        Util.setShort(der, (short) 0, (short) (HEADER + next));
        return next;
    }

    private static short putInteger(byte[] plain, short offset, byte[] der, short out) {
        short length = Spec.SCALAR_LENGTH;
        byte first = plain[offset];
        while (first == 0 && length > 1) {
            offset++;
            length--;
            first = plain[offset];
        }
        der[out++] = INTEGER;
        if (first < 0) {
            der[out++] = (byte) (length + 1);
            der[out++] = 0;
        } else {
            der[out++] = (byte) length;
        }
        return Util.arrayCopyNonAtomic(plain, offset, der, out, length);
    }

    /**
     * Turns a DER signature at the start of der, which the card's own engine made, into its plain
     * form. Returns the offset after it.
     */
    static short decode(byte[] der, byte[] plain, short out) {
        short r = der[3];
        short s = (short) (R + r);
        short length = der[(short) (s + 1)];
        s += (short) 2;
        if (r >= Spec.SCALAR_LENGTH && length >= Spec.SCALAR_LENGTH) { // both fill their place
            out = Util.arrayCopyNonAtomic(der, (short) (s - 2 - Spec.SCALAR_LENGTH), plain, out,
                    Spec.SCALAR_LENGTH);
            return Util.arrayCopyNonAtomic(der, (short) (s + length - Spec.SCALAR_LENGTH), plain,
                    out, Spec.SCALAR_LENGTH);
        }
        getInteger(der, R, r, plain, out);
        getInteger(der, s, length, plain, (short) (out + Spec.SCALAR_LENGTH));
        return (short) (out + Spec.SIGNATURE_LENGTH);
    }

    /** Reports whether a DER signature of that length is at the start of der. */
    static boolean isOf(byte[] der, short length) {
        return der[0] == SEQUENCE && der[1] == (byte) (length - 2);
    }

    /** Reports whether decode has come to the plain signature at out. */
    static boolean isDecoded(byte[] der, byte[] plain, short out) {
        short r = der[3];
        short s = (short) (R + r);
        short length = der[(short) (s + 1)];
        short end = (short) (s + 2 + length);
        if (r > Spec.SCALAR_LENGTH) { // a zero before it
            r = Spec.SCALAR_LENGTH;
        }
        if (length > Spec.SCALAR_LENGTH) {
            length = Spec.SCALAR_LENGTH;
        }
        return Util.arrayCompare(der, (short) (s - r), plain,
                (short) (out + Spec.SCALAR_LENGTH - r), r) == 0
                && Util.arrayCompare(der, (short) (end - length), plain,
                        (short) (out + Spec.SIGNATURE_LENGTH - length), length) == 0;
    }

    private static void getInteger(byte[] der, short value, short length, byte[] plain,
            short out) {
        if (length > Spec.SCALAR_LENGTH) { // the zero before a set first bit
            value++;
            length--;
        }
        short padding = (short) (Spec.SCALAR_LENGTH - length);
        Util.arrayFillNonAtomic(plain, out, padding, (byte) 0);
        Util.arrayCopyNonAtomic(der, value, plain, (short) (out + padding), length);
    }
}
