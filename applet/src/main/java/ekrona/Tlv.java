package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Data objects in BER-TLV (ISO/IEC 7816-4 annex E) for layouts that are fixed: the reader names tag and length that must stand
 * there, so that there is one encoding of everything and nothing is skipped. Tags have one or two bytes, lengths are in
 * their shortest form.
 */
final class Tlv {
    private static final byte ONE_LENGTH_BYTE = (byte) 0x81;
    private static final byte TWO_LENGTH_BYTES = (byte) 0x82;
    private static final short MAX_SHORT_FORM = (short) 127;
    private static final short MAX_ONE_BYTE = (short) 255;
    private static final short SECOND_TAG_BYTE = (short) 0xFF00;
    private static final byte MAX_DIGIT = (byte) 9;

    private Tlv() {
    }

    /** Bytes of tag and length field of a data object with so long a value. */
    static short headerLength(short tag, short length) {
        short header = (short) ((tag & SECOND_TAG_BYTE) == 0 ? 2 : 3);
        if (length > MAX_SHORT_FORM) {
            header = (short) (header + (length > MAX_ONE_BYTE ? 2 : 1));
        }
        return header;
    }

    /**
     * Demands a data object of this tag and length at offset, all of it before end.
     *
     * @return the offset of its value
     * @throws ISOException SW_WRONG_DATA when anything else stands there
     */
    static short enter(byte[] b, short offset, short end, short tag, short length) {
        short value = (short) (offset + headerLength(tag, length));
        if ((short) (end - value) < length) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        boolean same;
        if ((tag & SECOND_TAG_BYTE) == 0) {
            same = b[offset] == (byte) tag;
            offset++;
        } else {
            same = Util.getShort(b, offset) == tag;
            offset += 2;
        }
        if (length > MAX_SHORT_FORM) {
            if (length > MAX_ONE_BYTE) {
                same &= b[offset] == TWO_LENGTH_BYTES && Util.getShort(b, (short) (offset + 1)) == length;
            } else {
                same &= b[offset] == ONE_LENGTH_BYTE && b[(short) (offset + 1)] == (byte) length;
            }
        } else {
            same &= b[offset] == (byte) length;
        }
        if (!same) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return value;
    }

    /** As enter, but returns the offset behind the data object. */
    static short skip(byte[] b, short offset, short end, short tag, short length) {
        return (short) (enter(b, offset, end, tag, length) + length);
    }

    /** Demands that a parse has used up what there was. */
    static void end(short offset, short end) {
        if (offset != end) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /** Demands that each byte of the date is a digit. Dates then compare as bytes, signed or not. */
    static void date(byte[] b, short offset) {
        for (short i = 0; i < Spec.DATE_LENGTH; i++) {
            byte digit = b[(short) (offset + i)];
            if (digit < 0 || digit > MAX_DIGIT) {
                ISOException.throwIt(Spec.SW_WRONG_DATA);
            }
        }
    }

    /** Writes tag and length. Returns the offset of the value. */
    static short open(byte[] b, short offset, short tag, short length) {
        if ((tag & SECOND_TAG_BYTE) != 0) {
            b[offset++] = (byte) (tag >> 8);
        }
        b[offset++] = (byte) tag;
        if (length > MAX_SHORT_FORM) {
            if (length > MAX_ONE_BYTE) {
                b[offset++] = TWO_LENGTH_BYTES;
                b[offset++] = (byte) (length >> 8);
            } else {
                b[offset++] = ONE_LENGTH_BYTE;
            }
        }
        b[offset++] = (byte) length;
        return offset;
    }

    /** Writes a data object with a value from another array. Returns the offset behind it. */
    static short put(byte[] b, short offset, short tag, byte[] value, short valueOffset, short length) {
        return Util.arrayCopyNonAtomic(value, valueOffset, b, open(b, offset, tag, length), length);
    }

    /** Writes a data object of one byte. Returns the offset behind it. */
    static short put(byte[] b, short offset, short tag, byte value) {
        offset = open(b, offset, tag, (short) 1);
        b[offset++] = value;
        return offset;
    }
}
