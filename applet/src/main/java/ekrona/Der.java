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

    private Der() {
    }

    /** Turns the plain signature at offset into its DER form at out. Returns the length. */
    static short encode(byte[] plain, short offset, byte[] der, short out) {
        short next = putInteger(plain, offset, der, (short) (out + 2));
        next = putInteger(plain, (short) (offset + Spec.SCALAR_LENGTH), der, next);
        der[out] = SEQUENCE;
        der[(short) (out + 1)] = (byte) (next - out - 2);
        return (short) (next - out);
    }

    private static short putInteger(byte[] plain, short offset, byte[] der, short out) {
        short length = Spec.SCALAR_LENGTH;
        while (plain[offset] == 0 && length > 1) {
            offset++;
            length--;
        }
        der[out++] = INTEGER;
        if (plain[offset] < 0) {
            der[out++] = (byte) (length + 1);
            der[out++] = 0;
        } else {
            der[out++] = (byte) length;
        }
        return Util.arrayCopyNonAtomic(plain, offset, der, out, length);
    }

    /**
     * Turns a DER signature that the card's own engine made into its plain form. Returns the offset
     * after it.
     */
    static short decode(byte[] der, short offset, byte[] plain, short out) {
        short r = (short) (offset + 2);
        short s = (short) (r + 2 + der[(short) (r + 1)]);
        getInteger(der, r, plain, out);
        getInteger(der, s, plain, (short) (out + Spec.SCALAR_LENGTH));
        return (short) (out + Spec.SIGNATURE_LENGTH);
    }

    private static void getInteger(byte[] der, short offset, byte[] plain, short out) {
        short length = der[(short) (offset + 1)];
        short value = (short) (offset + 2);
        if (length > Spec.SCALAR_LENGTH) { // the zero before a set first bit
            value++;
            length--;
        }
        short padding = (short) (Spec.SCALAR_LENGTH - length);
        Util.arrayFillNonAtomic(plain, out, padding, (byte) 0);
        Util.arrayCopyNonAtomic(der, value, plain, (short) (out + padding), length);
    }
}
