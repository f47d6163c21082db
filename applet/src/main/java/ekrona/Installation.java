package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * The applet data of the install parameters: checked before anything is made, then written to a new
 * Nvm. Nothing transient is touched: a platform need not have selected the applet yet.
 */
final class Installation {
    private static final short LENGTH_MASK = (short) 0xFF;

    private Installation() {
    }

    /**
     * Skips a length byte and as many bytes as it says, which must end before end. Returns the
     * offset of the next length byte.
     */
    static short skip(byte[] b, short offset, short end) {
        short next = (short) (offset + 1 + (short) (b[offset] & LENGTH_MASK));
        if (next >= end) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return next;
    }

    /** Requires the applet data of the spec after the length byte at offset, up to end. */
    static void check(byte[] b, short offset, short end) {
        short data = (short) (offset + 1);
        if ((short) (b[offset] & LENGTH_MASK) != Spec.INSTALL_LENGTH) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        Tlv.require(b, data, end, Spec.INSTALL_FRAME, Spec.INSTALL_LENGTH);
        Tlv.requireDate(b, (short) (data + Spec.INSTALL_OFFSET_DATE));
        short slots = slots(b, data);
        byte role = b[(short) (data + Spec.INSTALL_OFFSET_ROLE)];
        short ceilings = ceilings(data);
        short transactions =
                Util.getShort(b, (short) (ceilings + Spec.POLICY_OFFSET_MAX_TRANSACTIONS));
        if ((role != Spec.ROLE_CARD && role != Spec.ROLE_SAM)
                || slots < Spec.MIN_SLOTS || slots > Spec.MAX_SLOTS
                || b[(short) (data + Spec.INSTALL_OFFSET_MAX_ATTACKS)] < 0 // above MOST_ATTACKS
                || transactions < 0 || transactions > slots) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /** Number of the log's slots. */
    static short slots(byte[] b, short data) {
        return (short) (b[(short) (data + Spec.INSTALL_OFFSET_SLOTS)] & LENGTH_MASK);
    }

    /** From where each ceiling has the place of the same limit in a policy. */
    private static short ceilings(short data) {
        return (short) (data
                + (short) (Spec.INSTALL_OFFSET_CEILINGS - Spec.POLICY_OFFSET_MAX_BALANCE));
    }

    /**
     * Writes applet data that check() has passed. A power cut leaves no applet: the platform has
     * not registered it yet.
     */
    static void write(Nvm nvm, byte[] b, short data) {
        byte[] identity = nvm.identity;
        Util.arrayCopy(b, (short) (data + Spec.INSTALL_OFFSET_DEVICE), identity, Nvm.DEVICE,
                Spec.DEVICE_ID_LENGTH);
        Util.arrayCopy(b, (short) (data + Spec.INSTALL_OFFSET_ROOT_ANCHOR), identity,
                Nvm.ROOT_ANCHOR, Spec.HASH_LENGTH);
        identity[Nvm.ROLE] = b[(short) (data + Spec.INSTALL_OFFSET_ROLE)];
        Util.arrayCopy(b, (short) (data + Spec.INSTALL_OFFSET_CURRENCY), identity, Nvm.CURRENCY,
                Messages.CURRENCY_LENGTH);
        Util.arrayCopy(b, (short) (data + Spec.INSTALL_OFFSET_TOKEN), nvm.token, (short) 0,
                Spec.TOKEN_LENGTH);
        nvm.attacks[Nvm.MAX_ATTACKS] = b[(short) (data + Spec.INSTALL_OFFSET_MAX_ATTACKS)];
        Util.arrayCopy(b, (short) (data + Spec.INSTALL_OFFSET_CEILINGS), identity,
                (short) (Nvm.CEILINGS + Spec.POLICY_OFFSET_MAX_BALANCE), Spec.CEILINGS_LENGTH);

        byte[] state = nvm.state;
        state[Nvm.LIFE] = Spec.LIFE_INSTALLED;
        Authorities.clearDirectory(state);
        Util.arrayCopy(b, (short) (data + Spec.INSTALL_OFFSET_DATE), state, Nvm.DATE,
                Spec.DATE_LENGTH);
        writePolicy(state, b, ceilings(data));
    }

    /** Writes the policy of version 0: the default one, or the ceiling where that is lower. */
    private static void writePolicy(byte[] state, byte[] b, short ceilings) {
        Util.arrayCopy(Spec.DEFAULT_POLICY, (short) 0, state, Nvm.POLICY, Spec.POLICY_LENGTH);
        lowerToCeiling(state, b, ceilings, Spec.POLICY_OFFSET_MAX_BALANCE);
        lowerToCeiling(state, b, ceilings, Spec.POLICY_OFFSET_MAX_PAYMENT);
        lowerToCeiling(state, b, ceilings, Spec.POLICY_OFFSET_MAX_SPENT);
        short transactions = (short) (Nvm.POLICY + Spec.POLICY_OFFSET_MAX_TRANSACTIONS);
        short most = Util.getShort(b, (short) (ceilings + Spec.POLICY_OFFSET_MAX_TRANSACTIONS));
        if (most < Util.getShort(state, transactions)) {
            Util.setShort(state, transactions, most);
        }
        state[(short) (Nvm.POLICY + Spec.POLICY_OFFSET_FLAGS)] &=
                (byte) (b[(short) (ceilings + Spec.POLICY_OFFSET_FLAGS)]
                        | Spec.FLAG_PIN_TO_RECEIVE);
    }

    private static void lowerToCeiling(byte[] state, byte[] b, short ceilings, short amount) {
        if (U32.greater(state, (short) (Nvm.POLICY + amount), b, (short) (ceilings + amount))) {
            Util.arrayCopy(b, (short) (ceilings + amount), state, (short) (Nvm.POLICY + amount),
                    Spec.AMOUNT_LENGTH);
        }
    }
}
