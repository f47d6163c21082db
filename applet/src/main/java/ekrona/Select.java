package ekrona;

import javacard.framework.Util;

/**
 * SELECT: state, version, capabilities and the session's nonce, in every state. Nothing in it
 * distinguishes one card from another; nothing persistent changes. The answer is made at install,
 * all of it but state and nonce.
 */
final class Select extends Command {
    private static final byte CAPABILITIES =
            (byte) (Spec.CAPABILITY_EXTENDED_LENGTH | Spec.CAPABILITY_ENCIPHERED_PIN
            | Spec.CAPABILITY_CHAINING);
    private static final short VERSION_LENGTH = (short) 2;
    private static final short PROPRIETARY_LENGTH =
            (short) (Spec.FCI_CONTENT_LENGTH - Spec.FCI_AT_LIFE_CYCLE);
    /** From the life-cycle state to the end. */
    private static final short STATE_TO_END =
            (short) (Spec.FCI_CONTENT_LENGTH - Spec.FCI_OFFSET_LIFE_CYCLE);

    private final byte[] answer;

    /** The instance's AID is in b. */
    Select(Device device, byte[] b, short aid, short aidLength) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
        short content = (short) (Tlv.headerLength(aidLength) + aidLength
                + Tlv.headerLength(PROPRIETARY_LENGTH) + PROPRIETARY_LENGTH);
        answer = new byte[(short) (Tlv.headerLength(content) + content)];
        short next = Tlv.open(answer, (short) 0, Spec.TAG_FCI, content);
        next = Tlv.put(answer, next, Spec.TAG_DF_NAME, b, aid, aidLength);
        next = Tlv.open(answer, next, Spec.TAG_FCI_PROPRIETARY, PROPRIETARY_LENGTH);
        next = Tlv.put(answer, next, Spec.TAG_LIFE_CYCLE, Spec.LIFE_INSTALLED);
        next = Tlv.open(answer, next, Spec.TAG_SPEC_VERSION, VERSION_LENGTH);
        next = Util.setShort(answer, next, Spec.VERSION);
        next = Tlv.put(answer, next, Spec.TAG_CAPABILITIES, CAPABILITIES);
        Tlv.open(answer, next, Spec.TAG_NONCE, Spec.NONCE_LENGTH);
    }

    void run() {
        short length = Util.arrayCopyNonAtomic(answer, (short) 0, ram.out, (short) 0,
                (short) answer.length);
        ram.out[(short) (length - STATE_TO_END)] = ram.state[Nvm.LIFE];
        device.drawNonce();
        Util.arrayCopyNonAtomic(ram.session, Ram.NONCE, ram.out,
                (short) (length - Spec.NONCE_LENGTH), Spec.NONCE_LENGTH);
        ram.session[Ram.KEPT_NEXT] = (byte) (ram.session[Ram.NONCE] & 1);
        device.channel.respond((short) 0, length);
    }
}
