package ekrona;

import javacard.framework.Util;

/**
 * The SELECT that selects the applet: state, version, capabilities, the session's nonce, the
 * number of the crisis order and, from activation on, the batch of cards that share a key. Nothing
 * in it but the nonce, which is random, and while two crisis orders are about that number,
 * distinguishes one card of a batch from another; nothing persistent changes. The answers are made
 * at install, all of them but state, nonce, number and batch.
 */
final class Selection extends Command {
    static final byte CAPABILITIES =
            (byte) (Spec.CAPABILITY_EXTENDED_LENGTH | Spec.CAPABILITY_ENCIPHERED_PIN
            | Spec.CAPABILITY_CHAINING | Spec.CAPABILITY_PAIRING);
    private static final short VERSION_LENGTH = (short) 2;
    private static final short PROPRIETARY_LENGTH =
            (short) (Spec.FCI_CONTENT_LENGTH_MIN - Spec.FCI_AT_LIFE_CYCLE);
    /** From the life-cycle state to the end, without batch. */
    private static final short STATE_TO_END =
            (short) (Spec.FCI_CONTENT_LENGTH_MIN - Spec.FCI_OFFSET_LIFE_CYCLE);
    private static final short NONCE_TO_END =
            (short) (Spec.FCI_CONTENT_LENGTH_MIN - Spec.FCI_OFFSET_NONCE);
    private static final short BATCH =
            (short) (Spec.FCI_CONTENT_LENGTH_MAX - Spec.FCI_CONTENT_LENGTH_MIN);
    private static final short BATCH_HEADER = (short) (BATCH - Spec.DEVICE_ID_LENGTH);

    /** The answer before activation. */
    private final byte[] answer;
    /** And the one from then on, with the batch. */
    private final byte[] activeAnswer;

    /** The instance's AID is in b. */
    Selection(Device device, byte[] b, short aid, short aidLength) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
        answer = make(b, aid, aidLength, (short) 0);
        activeAnswer = make(b, aid, aidLength, BATCH);
        Tlv.open(activeAnswer, (short) (activeAnswer.length - BATCH), Spec.TAG_BATCH,
                Spec.DEVICE_ID_LENGTH);
    }

    private static byte[] make(byte[] b, short aid, short aidLength, short batch) {
        short proprietary = (short) (PROPRIETARY_LENGTH + batch);
        short content = (short) (Tlv.headerLength(aidLength) + aidLength
                + Tlv.headerLength(proprietary) + proprietary);
        byte[] answer = new byte[(short) (Tlv.headerLength(content) + content)];
        short next = Tlv.open(answer, (short) 0, Spec.TAG_FCI, content);
        next = Tlv.put(answer, next, Spec.TAG_DF_NAME, b, aid, aidLength);
        next = Tlv.open(answer, next, Spec.TAG_FCI_PROPRIETARY, proprietary);
        next = Tlv.put(answer, next, Spec.TAG_LIFE_CYCLE, Spec.LIFE_INSTALLED);
        next = Tlv.open(answer, next, Spec.TAG_SPEC_VERSION, VERSION_LENGTH);
        next = Util.setShort(answer, next, Spec.VERSION);
        next = Tlv.put(answer, next, Spec.TAG_CAPABILITIES, CAPABILITIES);
        next = (short) (Tlv.open(answer, next, Spec.TAG_NONCE, Spec.NONCE_LENGTH)
                + Spec.NONCE_LENGTH);
        Tlv.open(answer, next, Spec.TAG_ORDER_NUMBER, U32.LENGTH);
        return answer;
    }

    short check() {
        short form = Select.form(parameters());
        device.nonce.draw();
        return form;
    }

    void compose() {
        if (plans(ANSWER)) {
            composeAnswer();
        } else {
            composed((short) 0, (short) 0);
        }
    }

    private void composeAnswer() {
        byte[] out = ram.out;
        byte life = ram.state[Nvm.LIFE];
        boolean active = life >= Spec.LIFE_ACTIVE;
        byte[] from = active ? activeAnswer : answer;
        short end = Util.arrayCopyNonAtomic(from, (short) 0, out, (short) 0, (short) from.length);
        composed((short) 0, end);
        if (active) {
            end = (short) (end - BATCH);
            Util.arrayCopyNonAtomic(nvm.batch, Nvm.BATCH_HOLDER, out, (short) (end + BATCH_HEADER),
                    Spec.DEVICE_ID_LENGTH);
        }
        out[(short) (end - STATE_TO_END)] = life;
        Util.arrayCopyNonAtomic(ram.session, Ram.NONCE, out, (short) (end - NONCE_TO_END),
                Spec.NONCE_LENGTH);
        Util.arrayCopyNonAtomic(ram.state, Nvm.ORDER_NUMBER, out, (short) (end - U32.LENGTH),
                U32.LENGTH);
    }

    void done() {
        short end = ram.words[Ram.BODY_END];
        if (end != 0) {
            if (ram.state[Nvm.LIFE] >= Spec.LIFE_ACTIVE) {
                end -= BATCH;
            }
            guard.require(!Engines.isZero(ram.out, (short) (end - NONCE_TO_END),
                    Spec.NONCE_LENGTH));
        }
        ram.session[Ram.KEPT_NEXT] = ram.session[Ram.NONCE];
    }
}
