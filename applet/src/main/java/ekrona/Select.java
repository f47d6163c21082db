package ekrona;

import javacard.framework.Util;

/**
 * SELECT: state, version, capabilities and, from activation on, the batch of cards that share a
 * key. Nothing in it distinguishes one card of a batch from another; nothing persistent changes.
 * The answer is made at install, all of it but state and batch.
 */
final class Select extends Command {
    private static final byte CAPABILITIES =
            (byte) (Spec.CAPABILITY_EXTENDED_LENGTH | Spec.CAPABILITY_ENCIPHERED_PIN
            | Spec.CAPABILITY_CHAINING);
    private static final short VERSION_LENGTH = (short) 2;
    private static final short PROPRIETARY_LENGTH =
            (short) (Spec.FCI_CONTENT_LENGTH_MIN - Spec.FCI_AT_LIFE_CYCLE);
    /** From the life-cycle state to the end, without batch. */
    private static final short STATE_TO_END =
            (short) (Spec.FCI_CONTENT_LENGTH_MIN - Spec.FCI_OFFSET_LIFE_CYCLE);
    private static final short BATCH =
            (short) (Spec.FCI_CONTENT_LENGTH_MAX - Spec.FCI_CONTENT_LENGTH_MIN);
    /** Where the length of the whole is; that of the proprietary part is right before the state. */
    private static final short LENGTH = (short) 1;
    private static final short STATE_TO_LENGTH =
            (short) (Spec.FCI_OFFSET_LIFE_CYCLE - Spec.FCI_AT_LIFE_CYCLE + 1);

    /** The answer without batch. With one, all its lengths are still below 128. */
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
        Tlv.put(answer, next, Spec.TAG_CAPABILITIES, CAPABILITIES);
    }

    void run() {
        device.channel.respond((short) 0, put(ram.out, (short) 0));
    }

    /** Writes the answer. Returns the offset after it. */
    short put(byte[] b, short offset) {
        short next = Util.arrayCopyNonAtomic(answer, (short) 0, b, offset, (short) answer.length);
        short state = (short) (next - STATE_TO_END);
        b[state] = ram.state[Nvm.LIFE];
        if (ram.state[Nvm.LIFE] >= Spec.LIFE_ACTIVE) {
            b[(short) (offset + LENGTH)] += (byte) BATCH;
            b[(short) (state - STATE_TO_LENGTH)] += (byte) BATCH;
            next = Tlv.put(b, next, Spec.TAG_BATCH, nvm.batch, Nvm.BATCH_HOLDER,
                    Spec.DEVICE_ID_LENGTH);
        }
        return next;
    }
}
