package ekrona;

import javacard.framework.Util;

/**
 * The crisis order that the card holds, whole as it came, and the certificate of the crisis key.
 * Its length is in the state block, zero while there is none; its bytes are written in the same
 * transaction. Which row fits is looked up when a limit is asked for that the policy alone would
 * refuse: the owner's group can change.
 */
final class StoredOrder {
    private static final short NONE = (short) -1;
    /** Both signatures. */
    static final short SIGNATURES = (short) (2 * Messages.SIGNATURE);

    private final Ram ram;
    private final Nvm nvm;

    StoredOrder(Ram ram, Nvm nvm) {
        this.ram = ram;
        this.nvm = nvm;
    }

    /** Offset of the content of a crisis order, which has a length field of one byte or two. */
    static short content(byte[] b) {
        return (short) (b[1] == Tlv.ONE_LENGTH_BYTE ? 3 : 2);
    }

    /** Its length, signatures included; zero while there is none, and on a closed card. */
    short length() {
        return Util.getShort(ram.state, Nvm.ORDER_LENGTH);
    }

    /** Holds the order whose number is in b, in the working copy. */
    void hold(short length, byte[] b, short number) {
        Util.setShort(ram.state, Nvm.ORDER_LENGTH, length);
        Util.arrayCopyNonAtomic(b, number, ram.state, Nvm.ORDER_NUMBER, U32.LENGTH);
    }

    /** Drops the order, in the working copy. */
    void drop() {
        hold((short) 0, ram.state, Nvm.ORDER_FLOOR);
    }

    /** Sets the lowest number that counts, in the working copy; a lower order is dropped. */
    void setLowest(byte[] b, short number) {
        Util.arrayCopyNonAtomic(b, number, ram.state, Nvm.ORDER_FLOOR, U32.LENGTH);
        if (!U32.isZero(b, number)) {
            U32.decrement(ram.state, Nvm.ORDER_FLOOR);
        }
        if (length() == 0 || U32.greater(b, number, ram.state, Nvm.ORDER_NUMBER)) {
            drop();
        }
    }

    /**
     * Offset of the row that counts for this card, the last that fits it, or -1. The day is a date
     * in ram.in, or -1 where nobody has a clock.
     */
    short row(short day) {
        byte[] order = nvm.order;
        short length = length();
        if (length == 0) {
            return NONE;
        }
        short content = content(order);
        short until = (short) (content + Spec.CRISIS_ORDER_OFFSET_EXPIRY);
        if (Util.arrayCompare(order, until, ram.state, Nvm.DATE, Spec.DATE_LENGTH) < 0) {
            return NONE;
        }
        if (day >= 0 && (Util.arrayCompare(ram.in, day, order, until, Spec.DATE_LENGTH) > 0
                || Util.arrayCompare(ram.in, day, order,
                        (short) (content + Spec.CRISIS_ORDER_OFFSET_DATE), Spec.DATE_LENGTH) < 0)) {
            return NONE;
        }
        short first = (short) (content + Spec.CRISIS_ORDER_AT_ORDER_ROWS);
        short row = (short) (length - SIGNATURES);
        do {
            row -= Spec.ORDER_ROW_LENGTH;
            if (row < first) {
                return NONE;
            }
        } while (!fits(order, row));
        return row;
    }

    private boolean fits(byte[] order, short row) {
        byte group = order[row];
        short name = (short) (row + Spec.ORDER_ROW_OFFSET_NAME);
        return (group == 0 || group == ram.state[Nvm.GROUP])
                && (isAnyName(order, name) || Util.arrayCompare(order, name, nvm.identity,
                        Nvm.DEVICE, Spec.NAME_LENGTH) == 0);
    }

    private static boolean isAnyName(byte[] order, short name) {
        return U32.isZero(order, name) && U32.isZero(order, (short) (name + U32.LENGTH));
    }
}
