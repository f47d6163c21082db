package ekrona;

import javacard.framework.Util;

/**
 * AES-128-CMAC (NIST SP 800-38B section 6.2, RFC 4493), made from AES-CBC: the Java Card API has
 * CMAC only from 3.0.5 on, and cards that report 3.0.4 refuse CAP files for 3.0.5. CBC with a zero
 * initial value is the MAC's own chaining; this class adds the last block, padded and masked with a
 * subkey.
 */
final class Cmac {
    private static final short BLOCK = (short) 16;
    private static final byte PADDING = (byte) 0x80;
    private static final byte R128 = (byte) 0x87;

    private final Ram ram;
    private final Engines engines;

    Cmac(Ram ram, Engines engines) {
        this.ram = ram;
        this.engines = engines;
    }

    /**
     * Writes the MAC of length bytes of message at offset to scratch at MAC. The message must not
     * be empty; it is overwritten, with up to a block after it.
     */
    void compute(byte[] key, short keyOffset, byte[] message, short offset, short length) {
        byte[] mac = ram.scratch;
        Util.arrayFillNonAtomic(mac, Ram.MAC, BLOCK, (byte) 0);
        engines.setKey(key, keyOffset);
        engines.encipher(mac, Ram.MAC, BLOCK, mac, Ram.MAC);
        twice(mac, Ram.MAC);
        short rest = (short) (length & (BLOCK - 1));
        if (rest != 0) {
            twice(mac, Ram.MAC);
            message[(short) (offset + length)] = PADDING;
            Util.arrayFillNonAtomic(message, (short) (offset + length + 1),
                    (short) (BLOCK - rest - 1), (byte) 0);
            length = (short) (length + BLOCK - rest);
        }
        short last = (short) (offset + length - BLOCK);
        for (short i = 0; i < BLOCK; i++) {
            message[(short) (last + i)] ^= mac[(short) (Ram.MAC + i)];
        }
        engines.encipher(message, offset, length, message, offset);
        Util.arrayCopyNonAtomic(message, last, mac, Ram.MAC, BLOCK);
    }

    /** Derives the key with this label from the personalization token, to scratch at KEY. */
    void deriveFromToken(byte[] token, byte[] label) {
        short length = (short) label.length;
        Util.arrayCopyNonAtomic(label, (short) 0, ram.scratch, Ram.AGREED, length);
        compute(token, (short) 0, ram.scratch, Ram.AGREED, length);
        Util.arrayCopyNonAtomic(ram.scratch, Ram.MAC, ram.scratch, Ram.KEY, BLOCK);
    }

    /** Doubles in GF(2^128). */
    private static void twice(byte[] b, short offset) {
        byte reduction = b[offset] < 0 ? R128 : 0;
        for (short i = 0; i < (short) (BLOCK - 1); i++) {
            short pair = Util.getShort(b, (short) (offset + i));
            b[(short) (offset + i)] = (byte) (pair >> 7);
        }
        b[(short) (offset + BLOCK - 1)] =
                (byte) ((byte) (b[(short) (offset + BLOCK - 1)] << 1) ^ reduction);
    }

    /**
     * Reports whether the MAC computed last equals a received one, in a time that does not depend
     * on how much of it is right.
     */
    boolean matches(byte[] b, short offset, short length) {
        byte difference = 0;
        for (short i = 0; i < length; i++) {
            difference |= (byte) (ram.scratch[(short) (Ram.MAC + i)] ^ b[(short) (offset + i)]);
        }
        return difference == 0;
    }
}
