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
            (short) (Spec.REQUEST_AT_DATE - Spec.REQUEST_OFFSET_CURRENCY);

    /** Bytes of the DATE of a Request, which a terminal's and a desk's has. */
    private static final short REQUEST_DATE =
            (short) (Spec.REQUEST_OFFSET_DATE + Spec.DATE_LENGTH - Spec.REQUEST_AT_DATE);
    /** Content of a Request with a date alone, and with a payer alone. */
    private static final short CONTENT_WITH_DATE =
            (short) (Spec.REQUEST_CONTENT_LENGTH_MIN + REQUEST_DATE);
    static final short CONTENT_WITH_PAYER =
            (short) (Spec.REQUEST_CONTENT_LENGTH_MAX - REQUEST_DATE);
    /** Most bytes of a Request and of a Payment whose payee is a card, which knows no date. */
    static final short CARD_REQUEST_LENGTH_MAX = (short) (Spec.REQUEST_LENGTH_MAX - REQUEST_DATE);
    private static final short CARD_PAYMENT_LENGTH_MAX =
            (short) (Spec.PAYMENT_LENGTH_MAX - REQUEST_DATE);
    /** From the end of a Request's content to the payer, which is last. */
    private static final short PAYER_TO_END = Spec.DEVICE_ID_LENGTH;

    /** Where the date is of a Request at the start of what came. */
    private static final short REQUEST_DAY = (short) (REQUEST_HEADER + Spec.REQUEST_OFFSET_DATE);

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

    /** Refuses what is not a message's layout; another version or algorithm by its own word. */
    static void refuse(byte[] b, short offset, short end, byte tag) {
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

    /** Reads a Request at the start of b, signature included. Returns the offset after it. */
    static short request(byte[] b, short end) {
        short content = b[(short) (REQUEST_HEADER - 1)];
        short next = (short) (content + (short) (REQUEST_HEADER + SIGNATURE));
        boolean is = next <= end;
        boolean hasDate = false;
        switch (content) {
            case CONTENT_WITH_DATE:
                is &= Spec.isRequestWithDate(b, (short) 0);
                hasDate = true;
                break;
            case CONTENT_WITH_PAYER:
                is &= Spec.isRequestWithPayer(b, (short) 0);
                break;
            case Spec.REQUEST_CONTENT_LENGTH_MAX:
                is &= Spec.isRequestMax(b, (short) 0);
                hasDate = true;
                break;
            default:
                is &= Spec.isRequestMin(b, (short) 0);
        }
        if (!is) {
            refuse(b, (short) 0, end, (byte) Spec.TAG_REQUEST);
        }
        if (hasDate) {
            Tlv.requireDay(b, REQUEST_DAY);
        }
        requireNotZero(b, (short) (REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT));
        return next;
    }

    /** Reports whether the Request at offset names its payer. */
    static boolean namesPayer(byte[] b, short offset) {
        return b[(short) (offset + REQUEST_HEADER - 1)] >= (byte) CONTENT_WITH_PAYER;
    }

    /** Offset of the payer of a Request that names one. */
    static short payer(byte[] b, short offset) {
        return (short) (offset + requestBodyLength(b, offset) - PAYER_TO_END);
    }

    /** Offset of the date of the Request at the start of b, or Limits.NO_DAY. */
    static short day(byte[] b) {
        byte length = b[(short) (REQUEST_HEADER - 1)];
        return length == (byte) CONTENT_WITH_DATE
                || length == (byte) Spec.REQUEST_CONTENT_LENGTH_MAX ? REQUEST_DAY : Limits.NO_DAY;
    }

    /** Length of the body of a Request that request() has read. */
    static short requestBodyLength(byte[] b, short offset) {
        return (short) (b[(short) (offset + REQUEST_HEADER - 1)] + REQUEST_HEADER);
    }

    /**
     * Reads a Payment to a card, signature included: a card's Request has no date. Returns the
     * offset after it.
     */
    static short payment(byte[] b, short offset, short end) {
        short next = namesPayer(b, (short) (offset + PAYMENT_REQUEST))
                ? require(b, offset, end, Spec.PAYMENT_FRAME_PAYER, CARD_PAYMENT_LENGTH_MAX)
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
