package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Strict reading of the messages that come to the card: exactly the fields of the spec, in order,
 * each of its length. What passes encodes back to the same bytes, so the hash of a body identifies
 * its content.
 */
final class Messages {
    // Bytes of a body's tag and length: the same for every length that the body can have.
    static final short REQUEST_HEADER =
            (short) (Spec.REQUEST_BODY_LENGTH_MIN - Spec.REQUEST_CONTENT_LENGTH_MIN);
    static final short PAYMENT_HEADER =
            (short) (Spec.PAYMENT_BODY_LENGTH_MIN - Spec.PAYMENT_CONTENT_LENGTH_MIN);
    static final short RECEIPT_HEADER =
            (short) (Spec.RECEIPT_BODY_LENGTH - Spec.RECEIPT_CONTENT_LENGTH);
    static final short REFUSAL_HEADER =
            (short) (Spec.REFUSAL_BODY_LENGTH_MIN - Spec.REFUSAL_CONTENT_LENGTH_MIN);
    static final short CHALLENGE_HEADER =
            (short) (Spec.CHALLENGE_BODY_LENGTH - Spec.CHALLENGE_CONTENT_LENGTH);
    static final short INSTRUCTION_HEADER =
            (short) (Spec.INSTRUCTION_BODY_LENGTH - Spec.INSTRUCTION_CONTENT_LENGTH);

    /** From the start of a Payment to the Request in it, and to that Request's amount. */
    static final short PAYMENT_REQUEST = (short) (PAYMENT_HEADER + Spec.PAYMENT_AT_REQUEST);
    static final short PAYMENT_AMOUNT =
            (short) (PAYMENT_REQUEST + REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT);

    /** Bytes of the signature's data object, and of its tag and length. */
    static final short SIGNATURE = (short) (Spec.REQUEST_LENGTH_MIN - Spec.REQUEST_BODY_LENGTH_MIN);
    static final short SIGNATURE_HEADER = (short) (SIGNATURE - Spec.SIGNATURE_LENGTH);

    static final short RANDOM_LENGTH =
            (short) (Spec.REQUEST_AT_AMOUNT - Spec.REQUEST_OFFSET_RANDOM);
    static final short CURRENCY_LENGTH =
            (short) (Spec.REQUEST_AT_PAYER - Spec.REQUEST_OFFSET_CURRENCY);

    private static final byte VERSION_LENGTH = (byte) 2;
    /** Bytes of a body up to the end of VERSION, if its length field has three bytes. */
    private static final short LONGEST_TO_VERSION = (short) 8;

    private Messages() {
    }

    /**
     * Requires that the data at offset have the frame of a message. Another version or algorithm is
     * told from a message that is malformed, and comes first.
     *
     * @return the offset after them
     */
    private static short require(byte[] b, short offset, short end, byte[] frame, short length) {
        short next = Tlv.match(b, offset, end, frame, length);
        if (next < 0) {
            refuse(b, offset, end, frame[1]);
        }
        return next;
    }

    private static void refuse(byte[] b, short offset, short end, byte tag) {
        requireVersion(b, offset, end, tag);
        if (tag == (byte) Spec.TAG_PAYMENT) {
            requireVersion(b, (short) (offset + PAYMENT_REQUEST), end, (byte) Spec.TAG_REQUEST);
        }
        ISOException.throwIt(Spec.SW_WRONG_DATA);
    }

    /** As require, where nothing may follow and the message is the whole command. */
    static void requireAll(byte[] b, short end, byte[] frame, short length) {
        if (require(b, (short) 0, end, frame, length) != end) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /**
     * Refuses a body with this tag whose first data object is VERSION and has another value than
     * this card's. Bodies of other versions may have other lengths.
     */
    private static void requireVersion(byte[] b, short offset, short end, byte tag) {
        if ((short) (end - offset) < LONGEST_TO_VERSION || b[offset] != tag) {
            return;
        }
        short at = (short) (offset + 1);
        switch (b[at]) {
            case Tlv.TWO_LENGTH_BYTES:
                at++;
                // fall through
            case Tlv.ONE_LENGTH_BYTE:
                at++;
                // fall through
            default:
                at++;
        }
        if (b[at] == (byte) Spec.TAG_VERSION
                && (b[(short) (at + 1)] != VERSION_LENGTH
                        || Util.getShort(b, (short) (at + 2)) != Spec.MESSAGE_VERSION)) {
            ISOException.throwIt(Spec.SW_VERSION);
        }
    }

    /** Reads a Request, signature included. Returns the offset after it. */
    static short request(byte[] b, short offset, short end) {
        boolean named = namesPayer(b, offset);
        short next = (short) (offset + (named ? Spec.REQUEST_LENGTH_MAX : Spec.REQUEST_LENGTH_MIN));
        if (next > end || !(named ? Spec.isRequestMax(b, offset) : Spec.isRequestMin(b, offset))) {
            refuse(b, offset, end, (byte) Spec.TAG_REQUEST);
        }
        requireNotZero(b, (short) (offset + REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT));
        return next;
    }

    /** Reports whether the Request at offset is the longer variant, which names its payer. */
    static boolean namesPayer(byte[] b, short offset) {
        return b[(short) (offset + REQUEST_HEADER - 1)] == (byte) Spec.REQUEST_CONTENT_LENGTH_MAX;
    }

    /** Length of the body of a Request that request() has read. */
    static short requestBodyLength(byte[] b, short offset) {
        return namesPayer(b, offset) ? Spec.REQUEST_BODY_LENGTH_MAX : Spec.REQUEST_BODY_LENGTH_MIN;
    }

    /** Reads a Payment, signature included. Returns the offset after it. */
    static short payment(byte[] b, short offset, short end) {
        short next =
                b[(short) (offset + PAYMENT_HEADER - 1)] == (byte) Spec.PAYMENT_CONTENT_LENGTH_MAX
                ? require(b, offset, end, Spec.PAYMENT_FRAME_MAX, Spec.PAYMENT_LENGTH_MAX)
                : require(b, offset, end, Spec.PAYMENT_FRAME_MIN, Spec.PAYMENT_LENGTH_MIN);
        requireNotZero(b, (short) (offset + PAYMENT_HEADER + Spec.PAYMENT_OFFSET_ATC));
        requireNotZero(b, (short) (offset + PAYMENT_AMOUNT));
        return next;
    }

    /** Requires an amount, or a record's number, above zero. */
    static void requireNotZero(byte[] b, short number) {
        if (U32.isZero(b, number)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /**
     * Requires digits and capital letters, of which ids are made. Hosts refuse a record with any
     * other byte, so that it would stay on the card for ever.
     */
    static void requireId(byte[] b, short offset, short length) {
        short end = (short) (offset + length);
        do {
            byte c = b[offset++];
            if (c > '9' ? c < 'A' || c > 'Z' : c < '0') {
                ISOException.throwIt(Spec.SW_WRONG_DATA);
            }
        } while (offset != end);
    }

    /**
     * Begins the body of a message of this card at offset: its tag, its length and the version.
     * Returns the offset after them.
     */
    static short begin(byte[] b, short offset, short tag, short contentLength) {
        short version = Tlv.open(b, Tlv.open(b, offset, tag, contentLength), Spec.TAG_VERSION,
                VERSION_LENGTH);
        return Util.setShort(b, version, Spec.MESSAGE_VERSION);
    }
}
