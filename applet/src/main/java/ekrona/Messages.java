package ekrona;

import javacard.framework.ISOException;

/**
 * The strict reader of the messages that come to the card from strangers: exactly the fields of the spec, in their order, each of its
 * length. What passes here encodes back to the same bytes, so the hash of a body is the identity of what it says.
 */
final class Messages {
    // What tag and length of a body take. They are the same for every length that the body can have.
    static final short REQUEST_HEADER = (short) (Spec.REQUEST_BODY_LENGTH_MIN - Spec.REQUEST_CONTENT_LENGTH_MIN);
    static final short PAYMENT_HEADER = (short) (Spec.PAYMENT_BODY_LENGTH_MIN - Spec.PAYMENT_CONTENT_LENGTH_MIN);
    static final short RECEIPT_HEADER = (short) (Spec.RECEIPT_BODY_LENGTH - Spec.RECEIPT_CONTENT_LENGTH);
    static final short REFUSAL_HEADER = (short) (Spec.REFUSAL_BODY_LENGTH_MIN - Spec.REFUSAL_CONTENT_LENGTH_MIN);
    static final short CHALLENGE_HEADER = (short) (Spec.CHALLENGE_BODY_LENGTH - Spec.CHALLENGE_CONTENT_LENGTH);
    static final short INSTRUCTION_HEADER = (short) (Spec.INSTRUCTION_BODY_LENGTH - Spec.INSTRUCTION_CONTENT_LENGTH);

    /** From the start of a Payment to the Request in it, and to that Request's amount. */
    static final short PAYMENT_REQUEST = (short) (PAYMENT_HEADER + Spec.PAYMENT_AT_REQUEST);
    static final short PAYMENT_AMOUNT = (short) (PAYMENT_REQUEST + REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT);

    /** Bytes of the signature's data object, and of its tag and length. */
    static final short SIGNATURE = (short) (Spec.REQUEST_LENGTH_MIN - Spec.REQUEST_BODY_LENGTH_MIN);
    static final short SIGNATURE_HEADER = (short) (SIGNATURE - Spec.SIGNATURE_LENGTH);

    static final short RANDOM_LENGTH = (short) (Spec.REQUEST_AT_AMOUNT - Spec.REQUEST_OFFSET_RANDOM);
    static final short CURRENCY_LENGTH = (short) (Spec.REQUEST_AT_PAYER - Spec.REQUEST_OFFSET_CURRENCY);

    private Messages() {
    }

    /** Reads a Request, signature included. Returns the offset behind it. */
    static short request(byte[] b, short offset, short end) {
        boolean named = namesPayer(b, offset);
        short next = Tlv.enter(b, offset, end, Spec.TAG_REQUEST,
                named ? Spec.REQUEST_CONTENT_LENGTH_MAX : Spec.REQUEST_CONTENT_LENGTH_MIN);
        next = version(b, next, end);
        next = Tlv.skip(b, next, end, Spec.TAG_PAYEE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_NUMBER, Spec.COUNTER_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_RANDOM, RANDOM_LENGTH);
        next = amount(b, next, end);
        next = Tlv.skip(b, next, end, Spec.TAG_CURRENCY, CURRENCY_LENGTH);
        if (named) {
            next = Tlv.skip(b, next, end, Spec.TAG_DEVICE, Spec.DEVICE_ID_LENGTH);
        }
        return signature(b, next, end);
    }

    /** Whether a Request at offset is of the longer kind, which names its payer. */
    static boolean namesPayer(byte[] b, short offset) {
        return b[(short) (offset + REQUEST_HEADER - 1)] == (byte) Spec.REQUEST_CONTENT_LENGTH_MAX;
    }

    /** Length of the body of a Request that request() has read. */
    static short requestBodyLength(byte[] b, short offset) {
        return namesPayer(b, offset) ? Spec.REQUEST_BODY_LENGTH_MAX : Spec.REQUEST_BODY_LENGTH_MIN;
    }

    /** Reads a Payment, signature included. Returns the offset behind it. */
    static short payment(byte[] b, short offset, short end) {
        boolean named = b[(short) (offset + PAYMENT_HEADER - 1)] == (byte) Spec.PAYMENT_CONTENT_LENGTH_MAX;
        short length = named ? Spec.PAYMENT_CONTENT_LENGTH_MAX : Spec.PAYMENT_CONTENT_LENGTH_MIN;
        short next = Tlv.enter(b, offset, end, Spec.TAG_PAYMENT, length);
        short bodyEnd = (short) (next + length);
        next = version(b, next, end);
        next = Tlv.skip(b, next, end, Spec.TAG_DEVICE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_ATC, Spec.COUNTER_LENGTH);
        Tlv.end(request(b, next, bodyEnd), bodyEnd);
        return signature(b, bodyEnd, end);
    }

    /** Reads a Challenge that fills the command. */
    static void challenge(byte[] b, short end) {
        short next = Tlv.enter(b, (short) 0, end, Spec.TAG_CHALLENGE, Spec.CHALLENGE_CONTENT_LENGTH);
        next = version(b, next, end);
        next = Tlv.skip(b, next, end, Spec.TAG_AUTHORITY, Spec.AUTHORITY_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_DEVICE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_RANDOM, RANDOM_LENGTH);
        Tlv.end(signature(b, next, end), end);
    }

    /** Reads an Instruction that fills the command. */
    static void instruction(byte[] b, short end) {
        short next = Tlv.enter(b, (short) 0, end, Spec.TAG_INSTRUCTION, Spec.INSTRUCTION_CONTENT_LENGTH);
        next = version(b, next, end);
        next = Tlv.skip(b, next, end, Spec.TAG_AUTHORITY, Spec.AUTHORITY_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_NOTARY, Spec.AUTHORITY_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_DEVICE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_INSTRUCTION_SEQUENCE, Spec.COUNTER_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_ACKED_ATC, Spec.COUNTER_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_HEAD, Spec.HASH_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_AMOUNT, Spec.AMOUNT_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_POLICY, Spec.POLICY_LENGTH);
        next = Tlv.enter(b, next, end, Spec.TAG_DATE, Spec.DATE_LENGTH);
        Tlv.date(b, next);
        next = Tlv.skip(b, (short) (next + Spec.DATE_LENGTH), end, Spec.TAG_ACTIONS, (short) 1);
        next = signature(b, next, end);
        Tlv.end(signature(b, next, end), end);
    }

    /** Reads an amount above zero. Returns the offset behind it. */
    static short amount(byte[] b, short offset, short end) {
        short value = Tlv.enter(b, offset, end, Spec.TAG_AMOUNT, Spec.AMOUNT_LENGTH);
        if (U32.isZero(b, value)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return (short) (value + Spec.AMOUNT_LENGTH);
    }

    private static short version(byte[] b, short offset, short end) {
        short value = Tlv.enter(b, offset, end, Spec.TAG_VERSION, (short) 1);
        if (b[value] != Spec.MESSAGE_VERSION) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return (short) (value + 1);
    }

    private static short signature(byte[] b, short offset, short end) {
        return Tlv.skip(b, offset, end, Spec.TAG_SIGNATURE, Spec.SIGNATURE_LENGTH);
    }

    /** Begins the body of an own message at offset: its tag, its length and the version. Returns the offset behind them. */
    static short begin(byte[] b, short offset, short tag, short contentLength) {
        return Tlv.put(b, Tlv.open(b, offset, tag, contentLength), Spec.TAG_VERSION, Spec.MESSAGE_VERSION);
    }
}
