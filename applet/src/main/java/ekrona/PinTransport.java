package ekrona;

import javacard.framework.APDU;
import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Writes the PIN blocks of a command in clear to scratch at SECRET, from either form: plaintext, if
 * the policy accepts that on this medium, or enciphered to the card's PIN key (ECDH, keys by the
 * KDF of TR-03111 section 4.3.3, AES-CBC, CMAC) together with the session's nonce.
 */
final class PinTransport {
    /** What the fact is about that the MAC is right. */
    private static final byte MAC = (byte) 0x4D;

    private final Ram ram;
    private final Guard guard;
    private final Engines engines;
    private final Cmac cmac;
    private final Nonce nonce;

    PinTransport(Ram ram, Guard guard, Engines engines, Cmac cmac, Nonce nonce) {
        this.ram = ram;
        this.guard = guard;
        this.engines = engines;
        this.cmac = cmac;
        this.nonce = nonce;
    }

    /** Reads the one or two blocks that are the command's data. */
    void readBlocks(boolean plain, short blocks) {
        if (plain) {
            readPlaintext(blocks);
        } else {
            readEnciphered(blocks, Spec.PIN_LABEL_MAC);
        }
    }

    private void readPlaintext(short blocks) {
        short length = (short) (blocks * Spec.PIN_BLOCK_LENGTH);
        if (ram.words[Ram.IN_LENGTH] != length) {
            ISOException.throwIt(Spec.SW_WRONG_LENGTH);
        }
        // Every medium but contacts is taken for the air, where anybody may listen.
        byte needed = (byte) (APDU.getProtocol() & APDU.PROTOCOL_MEDIA_MASK)
                == APDU.PROTOCOL_MEDIA_DEFAULT
                ? Spec.FLAG_PLAINTEXT_PIN
                : (byte) (Spec.FLAG_PLAINTEXT_PIN | Spec.FLAG_PLAINTEXT_CONTACTLESS);
        if ((byte) (ram.state[(short) (Nvm.POLICY + Spec.POLICY_OFFSET_FLAGS)] & needed)
                != needed) {
            ISOException.throwIt(Spec.SW_PIN_FORM);
        }
        Util.arrayCopyNonAtomic(ram.in, (short) 0, ram.scratch, Ram.SECRET,
                Spec.PIN_BLOCK_LENGTH);
        if (blocks != 1) {
            Util.arrayCopyNonAtomic(ram.in, Spec.PIN_BLOCK_LENGTH, ram.scratch, Ram.SECRET_2,
                    Spec.PIN_BLOCK_LENGTH);
        }
    }

    /**
     * Reads enciphered blocks, whose MAC is by the key with this label. The shared secret stays in
     * scratch at AGREED; the nonce is used up, whatever the outcome.
     */
    void readEnciphered(short blocks, byte[] macLabel) {
        byte[] in = ram.in;
        boolean fresh = nonce.use();
        boolean one = blocks == 1;
        Tlv.requireAll(in, (short) 0, ram.words[Ram.IN_LENGTH],
                one ? Spec.ENCIPHERED_PIN_FRAME : Spec.ENCIPHERED_PINS_FRAME,
                one ? Spec.ENCIPHERED_PIN_LENGTH : Spec.ENCIPHERED_PINS_LENGTH);
        if (!fresh) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        if (!engines.agree(false, Spec.ENCIPHERED_PIN_OFFSET_POINT)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        short fact = guard.next();
        if (fact < Guard.SECOND) {
            derive(macLabel);
            short length = one ? Spec.ENCIPHERED_PIN_AT_MAC : Spec.ENCIPHERED_PINS_AT_MAC;
            Util.arrayCopyNonAtomic(in, (short) 0, ram.out, (short) 0, length);
            cmac.compute(ram.scratch, Ram.KEY, ram.out, (short) 0, length);
            ram.facts[fact] = cmac.matches(in,
                    one ? Spec.ENCIPHERED_PIN_OFFSET_MAC : Spec.ENCIPHERED_PINS_OFFSET_MAC,
                    Spec.PIN_MAC_LENGTH);
            guard.mark(fact, MAC);
        }
        if (!guard.holds(fact, MAC)) {
            ISOException.throwIt(Spec.SW_MAC_WRONG);
        }
        if (guard.isFirst()) {
            derive(Spec.PIN_LABEL_ENC);
            engines.decrypt(ram.scratch, Ram.KEY, in, Spec.ENCIPHERED_PIN_OFFSET_CRYPTOGRAM,
                    (short) (blocks * (Spec.PIN_BLOCK_LENGTH + Spec.NONCE_LENGTH)), ram.scratch,
                    Ram.SECRET);
        }
        // Block, nonce; or block, nonce, block, zeros.
        if (!nonce.isAt((short) (Ram.SECRET + Spec.PIN_BLOCK_LENGTH)) || (!one && !Engines.isZero(
                ram.scratch, (short) (Ram.SECRET_2 + Spec.PIN_BLOCK_LENGTH), Spec.NONCE_LENGTH))) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /** Derives the key with this label from the shared secret, to scratch at KEY. */
    void derive(byte[] label) {
        engines.sha.update(ram.scratch, Ram.AGREED, Spec.SCALAR_LENGTH);
        engines.sha.doFinal(label, (short) 0, (short) label.length, ram.scratch, Ram.KEY);
    }
}
