package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * INSTRUCTION: intermediary and notary together acknowledge records and change the card; neither
 * can do so alone. Everything is applied in one transaction, with the Confirmation. A power cut
 * before the commit leaves nothing; after it the same Instruction returns the same Confirmation. A
 * reset of PIN tries is pending from the commit on (Pins.applyTryReset).
 */
final class Instruction extends Command {
    private static final short AUTHORITY =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_AUTHORITY);
    private static final short NOTARY =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_NOTARY);
    private static final short DEVICE =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_DEVICE);
    private static final short SEQUENCE =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_INSTRUCTION_SEQUENCE);
    private static final short ACKED_ATC =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_ACKED_ATC);
    private static final short HEAD =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_HEAD);
    private static final short CREDIT =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_AMOUNT);
    private static final short POLICY =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_POLICY);
    /** Version of the Instruction's policy, and of the one in force. */
    private static final short NEW_VERSION = (short) (POLICY + Spec.POLICY_OFFSET_VERSION);
    private static final short VERSION = (short) (Nvm.POLICY + Spec.POLICY_OFFSET_VERSION);
    private static final short DATE =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_DATE);
    private static final short ACTIONS =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_ACTIONS);

    private static final short ORDER_NUMBER =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_ORDER_NUMBER);
    private static final short GROUP =
            (short) (Messages.INSTRUCTION_HEADER + Spec.INSTRUCTION_OFFSET_GROUP);

    private static final byte KNOWN_ACTIONS =
            (byte) (Spec.ACTION_BLOCK | Spec.ACTION_UNBLOCK | Spec.ACTION_RESET_TRIES
                    | Spec.ACTION_CLOSE | Spec.ACTION_UNPAIR);
    private static final byte BLOCK_AND_UNBLOCK = (byte) (Spec.ACTION_BLOCK | Spec.ACTION_UNBLOCK);

    Instruction(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    short check() {
        byte[] in = ram.in;
        byte[] state = ram.state;
        requireParameters(Spec.P1P2_INSTRUCTION);
        requireActivated();
        if (ram.session[Ram.STATE_ANSWERED] != Ram.YES) {
            ISOException.throwIt(Spec.SW_CONDITIONS); // one that was heard identifies no card
        }
        Messages.requireAll(in, ram.words[Ram.IN_LENGTH], Spec.INSTRUCTION_FRAME,
                Spec.INSTRUCTION_LENGTH);
        Tlv.requireDate(in, DATE);
        device.engines.computeIdentity((short) 0, Spec.INSTRUCTION_BODY_LENGTH);
        if (Util.arrayCompare(ram.scratch, Ram.IDENTITY, state, Nvm.INSTRUCTION,
                Spec.HASH_LENGTH) == 0) {
            return REPEAT;
        }
        short key = device.authorities.find(Authorities.INSTRUCTION_KEY, (short) 1, in, AUTHORITY);
        short notary = device.authorities.find(Authorities.NOTARY, (short) 1, in, NOTARY);
        Util.setShort(ram.scratch, Ram.PLACE, key);
        Util.setShort(ram.scratch, Ram.PLACE_2, notary);
        requireSignatures(key, notary);
        requireAddressee(in, DEVICE);
        if (!U32.increment(state, Nvm.SEQUENCE)
                || Util.arrayCompare(in, SEQUENCE, state, Nvm.SEQUENCE, U32.LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_SEQUENCE);
        }
        byte actions = in[ACTIONS];
        if ((byte) (actions & (byte) ~KNOWN_ACTIONS) != 0
                || (byte) (actions & BLOCK_AND_UNBLOCK) == BLOCK_AND_UNBLOCK) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        requireDate(key, notary);
        requireHead();
        if (isNewPolicy() && (U32.greater(state, VERSION, in, NEW_VERSION)
                || !device.limits.isWithinCeilings(in, POLICY))) {
            ISOException.throwIt(Spec.SW_POLICY);
        }
        return CHANGE;
    }

    void apply() {
        byte[] in = ram.in;
        byte[] state = ram.state;
        if (!plans(CHANGE)) {
            return;
        }
        U32.increment(state, Nvm.SEQUENCE);
        device.log.acknowledge(device.log.countTo(in, ACKED_ATC), in, ACKED_ATC, HEAD);
        if (isNewPolicy()) {
            Util.arrayCopyNonAtomic(in, POLICY, state, Nvm.POLICY, Spec.POLICY_LENGTH);
        }
        Util.arrayCopyNonAtomic(in, DATE, state, Nvm.DATE, Spec.DATE_LENGTH);
        Util.arrayCopyNonAtomic(ram.scratch, Ram.IDENTITY, state, Nvm.INSTRUCTION,
                Spec.HASH_LENGTH);
        device.order.setLowest(in, ORDER_NUMBER);
        state[Nvm.GROUP] = in[GROUP];
        applyActions(in[ACTIONS]);
        if (state[Nvm.LIFE] == Spec.LIFE_CLOSED) {
            device.order.drop();
        }
        applyCredit();
        device.authorities.store(Util.getShort(ram.scratch, Ram.PLACE));
        device.authorities.store(Util.getShort(ram.scratch, Ram.PLACE_2));
    }

    void seal() {
        if (plans(CHANGE)) {
            sign();
        }
    }

    void writeMore() {
        guard.requireSigned();
        Util.arrayCopy(ram.out, (short) 0, nvm.confirmation, (short) 0, Spec.CONFIRMATION_LENGTH);
        if (unpairs()) {
            nvm.unpair();
        }
    }

    boolean isAsComputed() {
        return Util.arrayCompare(nvm.confirmation, (short) 0, ram.out, (short) 0,
                Spec.CONFIRMATION_LENGTH) == 0 && !(unpairs() && nvm.isPaired());
    }

    private boolean unpairs() {
        return plans(CHANGE) && (byte) (ram.in[ACTIONS] & Spec.ACTION_UNPAIR) != 0;
    }

    void done() {
        if (plans(CHANGE)) {
            guard.requireSigned();
            device.authorities.forgetStored(Util.getShort(ram.scratch, Ram.PLACE));
            device.authorities.forgetStored(Util.getShort(ram.scratch, Ram.PLACE_2));
            device.pins.applyTryReset();
        }
    }

    /** Requires a record of the log, or the last one acknowledged, and the head after it. */
    private void requireHead() {
        short count = device.log.countTo(ram.in, ACKED_ATC);
        if (count < 0) {
            ISOException.throwIt(Spec.SW_HEAD);
        }
        if (guard.isFirst()) {
            device.log.putHead(count, Ram.AGREED);
        }
        if (Util.arrayCompare(ram.scratch, Ram.AGREED, ram.in, HEAD, Spec.HASH_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_HEAD);
        }
    }

    /**
     * Requires both signatures, before any check that would reveal to others which card this is.
     */
    private void requireSignatures(short key, short notary) {
        if (key < 0 || notary < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        short first = (short) (Spec.INSTRUCTION_BODY_LENGTH + Messages.SIGNATURE_HEADER);
        if (!device.authorities.verify(key, (short) 0, Spec.INSTRUCTION_BODY_LENGTH, first)
                || !device.authorities.verify(notary, (short) 0, Spec.INSTRUCTION_BODY_LENGTH,
                        (short) (first + Messages.SIGNATURE))) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
    }

    /**
     * Requires a date that is not before the card's and not after the expiry of a signer's
     * certificate: a wrong clock would make the card useless.
     */
    private void requireDate(short key, short notary) {
        byte[] in = ram.in;
        if (Util.arrayCompare(in, DATE, ram.state, Nvm.DATE, Spec.DATE_LENGTH) < 0
                || isAfter(key) || isAfter(notary)) {
            ISOException.throwIt(Spec.SW_DATE);
        }
    }

    private boolean isAfter(short authority) {
        return Util.arrayCompare(ram.in, DATE, ram.state, device.authorities.expiry(authority),
                Spec.DATE_LENGTH) > 0;
    }

    private boolean isNewPolicy() {
        return Util.arrayCompare(ram.in, NEW_VERSION, ram.state, VERSION, U32.LENGTH) != 0;
    }

    private void applyActions(byte actions) {
        byte[] state = ram.state;
        byte life = state[Nvm.LIFE];
        if (life != Spec.LIFE_CLOSED) { // closed is final
            if ((byte) (actions & Spec.ACTION_BLOCK) != 0) {
                life = Spec.LIFE_BLOCKED;
            }
            if ((byte) (actions & Spec.ACTION_UNBLOCK) != 0) {
                life = Spec.LIFE_ACTIVE;
            }
            if ((byte) (actions & Spec.ACTION_CLOSE) != 0) {
                life = Spec.LIFE_CLOSED;
            }
            state[Nvm.LIFE] = life;
        }
        if ((byte) (actions & Spec.ACTION_RESET_TRIES) != 0) {
            state[Nvm.TRY_RESET_PENDING] = Ram.YES;
        }
    }

    /**
     * Applies the credit under the new policy, or the crisis order that stays; one that does not
     * fit is not taken, and goes back online.
     */
    private void applyCredit() {
        byte[] in = ram.in;
        byte[] state = ram.state;
        if (U32.isZero(in, CREDIT)) {
            state[Nvm.CREDIT] = Spec.CREDIT_NONE;
        } else if (state[Nvm.LIFE] != Spec.LIFE_CLOSED
                && device.limits.fitsMaxBalance(in, CREDIT, DATE)) {
            U32.add(state, Nvm.BALANCE, in, CREDIT);
            state[Nvm.CREDIT] = Spec.CREDIT_TAKEN;
        } else {
            state[Nvm.CREDIT] = Spec.CREDIT_NOT_TAKEN;
        }
    }

    /** Composes the Confirmation, or the last one again. */
    void compose() {
        if (!plans(CHANGE)) {
            compose(nvm.confirmation, (short) 0, Spec.CONFIRMATION_LENGTH);
            return;
        }
        byte[] out = ram.out;
        byte[] state = ram.state;
        short next = Messages.begin(out, (short) 0, Spec.TAG_CONFIRMATION,
                Spec.CONFIRMATION_CONTENT_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_DEVICE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_INSTRUCTION_SEQUENCE, state, Nvm.SEQUENCE, U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_IDENTITY, state, Nvm.INSTRUCTION, Spec.HASH_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_CREDIT, state[Nvm.CREDIT]);
        next = Tlv.put(out, next, Spec.TAG_BALANCE, state, Nvm.BALANCE, U32.LENGTH);
        composed((short) 0, Tlv.put(out, next, Spec.TAG_ATC, state, Nvm.ATC, U32.LENGTH));
    }
}
