package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * CRISIS ORDER: stores limits that the central bank has raised while there is no network, from
 * whoever brings them. Counters stay what they are, and no limit is lowered. A power cut leaves the
 * order before, or this one. A stranger can make the card write once for each order ever signed:
 * a number that is not higher is refused before any signature is looked at.
 */
final class CrisisOrder extends Command {
    /** Most bytes of rows. */
    private static final short MAX_ROWS =
            (short) (Spec.MAX_ORDER_ROWS * Spec.ORDER_ROW_LENGTH);
    private static final short MASK = (short) 0xFF;

    CrisisOrder(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    short check() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_CRISIS_ORDER);
        requireActivated();
        if (ram.state[Nvm.LIFE] == Spec.LIFE_CLOSED) {
            ISOException.throwIt(Spec.SW_CLOSED);
        }
        short length = ram.words[Ram.IN_LENGTH];
        short bodyLength = (short) (length - StoredOrder.SIGNATURES);
        short content = StoredOrder.content(in);
        requireLayout(content, bodyLength);
        short until = (short) (content + Spec.CRISIS_ORDER_OFFSET_EXPIRY);
        Tlv.requireDates(ram.in, (short) (content + Spec.CRISIS_ORDER_OFFSET_DATE), until);

        short number = (short) (content + Spec.CRISIS_ORDER_OFFSET_ORDER_NUMBER);
        Messages.requireNotZero(in, number);
        if (!U32.greater(in, number, ram.state, Nvm.ORDER_NUMBER)) {
            ISOException.throwIt(Spec.SW_ORDER_OLD);
        }
        short key = device.authorities.find(Authorities.CRISIS, (short) 1, in,
                (short) (content + Spec.CRISIS_ORDER_OFFSET_AUTHORITY));
        short notary = device.authorities.find(Authorities.NOTARY, (short) 1, in,
                (short) (content + Spec.CRISIS_ORDER_OFFSET_NOTARY));
        if (key < 0 || notary < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        // So an order of thieves ends with the certificates of the keys that they stole.
        if (isAfter(until, key) || isAfter(until, notary)) {
            ISOException.throwIt(Spec.SW_DATE);
        }
        short first = (short) (bodyLength + Messages.SIGNATURE_HEADER);
        if (!device.authorities.verify(key, (short) 0, bodyLength, first)
                || !device.authorities.verify(notary, (short) 0, bodyLength,
                        (short) (first + Messages.SIGNATURE))) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
        return CHANGE;
    }

    void apply() {
        device.order.hold(ram.words[Ram.IN_LENGTH], ram.in,
                (short) (StoredOrder.content(ram.in) + Spec.CRISIS_ORDER_OFFSET_ORDER_NUMBER));
    }

    void writeMore() {
        Util.arrayCopy(ram.in, (short) 0, nvm.order, (short) 0, ram.words[Ram.IN_LENGTH]);
    }

    boolean isAsComputed() {
        return Util.arrayCompare(ram.in, (short) 0, nvm.order, (short) 0,
                ram.words[Ram.IN_LENGTH]) == 0;
    }

    /**
     * Requires exactly the fields of the spec: those before the rows by their frame, and tags and
     * lengths of body, rows and signatures as this card writes them.
     */
    private void requireLayout(short content, short bodyLength) {
        byte[] in = ram.in;
        short at = (short) (content + Spec.CRISIS_ORDER_AT_ORDER_ROWS);
        short rows = (short) (bodyLength - at - 2);
        if (rows > Tlv.MAX_SHORT_FORM) {
            rows--; // a length field of two bytes
        }
        if (bodyLength < Spec.CRISIS_ORDER_BODY_LENGTH_MIN || rows > MAX_ROWS
                || rows % Spec.ORDER_ROW_LENGTH != 0
                || !hasHeader((short) 0, Spec.TAG_CRISIS_ORDER, (short) (bodyLength - content))
                || Tlv.match(in, content, bodyLength, Spec.CRISIS_ORDER_FRAME,
                        Spec.CRISIS_ORDER_AT_ORDER_ROWS) != at
                || !hasHeader(at, Spec.TAG_ORDER_ROWS, rows)
                || !hasHeader(bodyLength, Spec.TAG_SIGNATURE, Spec.SIGNATURE_LENGTH)
                || !hasHeader((short) (bodyLength + Messages.SIGNATURE), Spec.TAG_SIGNATURE,
                        Spec.SIGNATURE_LENGTH)) {
            Messages.refuse(in, (short) 0, ram.words[Ram.IN_LENGTH], (byte) Spec.TAG_CRISIS_ORDER);
        }
        for (short row = (short) (bodyLength - Spec.ORDER_ROW_LENGTH);
                row >= (short) (at + Spec.ORDER_ROW_LENGTH); row -= Spec.ORDER_ROW_LENGTH) {
            if (!isAscending((short) (row - Spec.ORDER_ROW_LENGTH), row)) {
                ISOException.throwIt(Spec.SW_WRONG_DATA);
            }
        }
    }

    /** Reports whether tag and length stand at offset; writes over ram.out. */
    private boolean hasHeader(short offset, short tag, short length) {
        short end = Tlv.open(ram.out, (short) 0, tag, length);
        return Util.arrayCompare(ram.in, offset, ram.out, (short) 0, end) == 0;
    }

    /** Reports whether one row's group and name are before another's. */
    private boolean isAscending(short row, short next) {
        byte[] in = ram.in;
        short group = (short) (in[row] & MASK);
        short nextGroup = (short) (in[next] & MASK);
        return group < nextGroup || (group == nextGroup && Util.arrayCompare(in,
                (short) (row + Spec.ORDER_ROW_OFFSET_NAME), in,
                (short) (next + Spec.ORDER_ROW_OFFSET_NAME), Spec.NAME_LENGTH) < 0);
    }

    private boolean isAfter(short day, short place) {
        return Util.arrayCompare(ram.in, day, ram.state, device.authorities.expiry(place),
                Spec.DATE_LENGTH) > 0;
    }
}
