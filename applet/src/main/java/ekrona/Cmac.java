package ekrona;

import javacard.framework.Util;

/**
 * AES-128-CMAC (NIST SP 800-38B section 6.2, RFC 4493), made from AES-CBC: the Java Card API has
 * CMAC only from 3.0.5 on, and cards that report 3.0.4 refuse CAP files for 3.0.5. CBC with a zero
 * initial value is the MAC's own chaining; this class adds the last block, padded and masked with a
 * subkey. The same instructions run for every key and every MAC.
 */
final class Cmac {
    private static final short BLOCK = (short) 16;
    private static final short PAIR = (short) 2;
    private static final short SIGN = (short) 15;
    private static final byte PADDING = (byte) 0x80;
    private static final short R128 = (short) 0x87;

    private final Ram ram;
    private final Nvm nvm;
    private final Guard guard;
    private final Engines engines;

    Cmac(Ram ram, Nvm nvm, Guard guard, Engines engines) {
        this.ram = ram;
        this.nvm = nvm;
        this.guard = guard;
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
        xor(message, last, mac, Ram.MAC);
        engines.encipher(message, offset, length, message, offset);
        Util.arrayCopyNonAtomic(message, last, mac, Ram.MAC, BLOCK);
    }

    /** Makes the key at offset that of the session, and overwrites it with its subkey. */
    void beginSession(byte[] key, short offset) {
        engines.setSessionKey(key, offset);
        Util.arrayFillNonAtomic(key, offset, BLOCK, (byte) 0);
        engines.encryptInSession(key, offset, BLOCK);
        twice(key, offset);
    }

    /** As compute, of whole blocks, under the session's key, whose subkey beginSession has left. */
    void computeInSession(byte[] subkeys, short subkey, byte[] message, short offset,
            short length) {
        short last = (short) (offset + length - BLOCK);
        xor(message, last, subkeys, subkey);
        engines.encryptInSession(message, offset, length);
        Util.arrayCopyNonAtomic(message, last, ram.scratch, Ram.MAC, BLOCK);
    }

    /** Adds a block to another, bit by bit. */
    private static void xor(byte[] b, short offset, byte[] a, short aOffset) {
        for (short i = 0; i < BLOCK; i += PAIR) {
            Util.setShort(b, (short) (offset + i), (short) (Util.getShort(b, (short) (offset + i))
                    ^ Util.getShort(a, (short) (aOffset + i))));
        }
    }

    /**
     * Derives the key with this label from the personalization token, to scratch at KEY. An erased
     * token is none.
     */
    void deriveFromToken(byte[] label) {
        byte[] token = nvm.token;
        guard.require(!Engines.isZero(token, (short) 0, Spec.TOKEN_LENGTH));
        short length = (short) label.length;
        Util.arrayCopyNonAtomic(label, (short) 0, ram.scratch, Ram.AGREED, length);
        compute(token, (short) 0, ram.scratch, Ram.AGREED, length);
        Util.arrayCopyNonAtomic(ram.scratch, Ram.MAC, ram.scratch, Ram.KEY, BLOCK);
    }

    /** Doubles in GF(2^128): what is carried out of the first bit is a mask, not a branch. */
    private static void twice(byte[] b, short offset) {
        short reduction = (short) ((short) (Util.getShort(b, offset) >> SIGN) & R128);
        short last = (short) (offset + BLOCK - PAIR);
        for (; offset < last; offset += PAIR) {
            short next = Util.getShort(b, (short) (offset + PAIR));
            Util.setShort(b, offset, (short) ((short) (Util.getShort(b, offset) << 1)
                    | (short) ((short) (next >> SIGN) & 1)));
        }
        Util.setShort(b, last, (short) ((short) (Util.getShort(b, last) << 1) ^ reduction));
    }

    /**
     * Reports whether the MAC computed last equals a received one of an even number of bytes, in a
     * time that does not depend on how much of it is right. It is compared twice, and how far the
     * comparison came is part of its result.
     */
    boolean matches(byte[] b, short offset, short length) {
        return difference(b, offset, length) == length && difference(b, offset, length) == length;
    }

    /** The length, if all of it is equal. */
    private short difference(byte[] b, short offset, short length) {
        short any = 0;
        short i = 0;
        for (; i < length; i += PAIR) {
            any |= (short) (Util.getShort(ram.scratch, (short) (Ram.MAC + i))
                    ^ Util.getShort(b, (short) (offset + i)));
        }
        // Minus one for any bit that differs, so that no length is the result.
        return (short) (i | (short) ((short) (any | (short) -any) >> SIGN));
    }
}
