package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Data objects in BER-TLV (ISO/IEC 7816-4 annex E) for fixed layouts: every byte that a layout
 * fixes must be in its place, so that everything has one encoding and nothing is skipped. Tags have
 * one or two bytes, lengths are in their shortest form.
 */
final class Tlv {
    static final byte ONE_LENGTH_BYTE = (byte) 0x81;
    static final byte TWO_LENGTH_BYTES = (byte) 0x82;
    static final short MAX_SHORT_FORM = (short) 127;
    private static final short MAX_ONE_BYTE = (short) 255;
    private static final short SECOND_TAG_BYTE = (short) 0xFF00;
    private static final short SIX_EACH = (short) 0x0606;
    private static final short HIGH_HALVES = (short) 0xF0F0;
    // Two digits, a byte each.
    private static final short FEBRUARY = (short) 0x0002;
    private static final short LAST_MONTH = (short) 0x0102;
    private static final short SHORTEST_MONTH = (short) 0x0208;
    private static final short ALMOST_EVERY_MONTH = (short) 0x0300;

    private Tlv() {
    }

    /**
     * Bytes of tag and length field of a data object with a tag of one byte and a value of at most
     * 255.
     */
    static short headerLength(short length) {
        return (short) (length > MAX_SHORT_FORM ? 3 : 2);
    }

    /**
     * Requires that the data at offset have the frame of a layout, as Spec gives it, and at least
     * length bytes before end. One native comparison for each run of fixed bytes costs a card less
     * than parsing each tag and length.
     *
     * @return the offset after them
     * @throws ISOException SW_WRONG_DATA if they have not
     */
    static short require(byte[] b, short offset, short end, byte[] frame, short length) {
        short next = match(b, offset, end, frame, length);
        if (next < 0) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return next;
    }

    /** As require, but returns -1 if they have not. */
    static short match(byte[] b, short offset, short end, byte[] frame, short length) {
        if ((short) (end - offset) < length) {
            return (short) -1;
        }
        short run = frame[0];
        short i = (short) 1;
        do {
            if (Util.arrayCompare(b, offset, frame, i, run) != 0) {
                return (short) -1;
            }
            i += run;
            offset += frame[i];
            i++;
            run = frame[i];
            i++;
        } while (run != 0);
        return offset;
    }

    /** As require, where nothing may follow. */
    static void requireAll(byte[] b, short offset, short end, byte[] frame, short length) {
        if (require(b, offset, end, frame, length) != end) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /**
     * Requires that each byte of the date is a digit. Dates then compare as bytes, signed or not.
     */
    static void requireDate(byte[] b, short offset) {
        requireDigits(Util.getShort(b, offset), Util.getShort(b, (short) (offset + 2)),
                Util.getShort(b, (short) (offset + 4)));
    }

    /** Requires that each byte of year, month and day is a digit. */
    private static void requireDigits(short year, short month, short day) {
        // A value above 9 reaches the high half of its byte.
        if ((short) ((short) (year | month | day | (year + SIX_EACH) | (month + SIX_EACH)
                | (day + SIX_EACH)) & HIGH_HALVES) != 0) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /** Requires two dates, of which the second is not before the first. */
    static void requireDates(byte[] b, short from, short until) {
        requireDate(b, from);
        requireDate(b, until);
        if (Util.arrayCompare(b, from, b, until, Spec.DATE_LENGTH) > 0) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /**
     * Requires a day of the calendar, from 2000 to 2099. Hosts refuse a record with any other date,
     * so that it would stay on the card for ever.
     */
    static void requireDay(byte[] b, short offset) {
        short digits = Util.getShort(b, (short) (offset + 2));
        short day = Util.getShort(b, (short) (offset + 4));
        requireDigits(Util.getShort(b, offset), digits, day);
        if (digits == 0 || digits > LAST_MONTH || day == 0) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        if (day > SHORTEST_MONTH && (digits == FEBRUARY || day > ALMOST_EVERY_MONTH)) {
            requireLongMonth(b, offset);
        }
    }

    /** Requires a month that has a day after the 28th, of the date at offset. */
    private static void requireLongMonth(byte[] b, short offset) {
        short month = number(b, (short) (offset + 2));
        short day = number(b, (short) (offset + 4));
        // Months of 31 days are the odd ones up to July, and the even ones from August on.
        short last = (short) (30 + (short) ((short) (month + (month >> 3)) & 1));
        if (month == 2) {
            last = (short) ((short) (number(b, offset) & 3) == 0 ? 29 : 28);
        }
        if (day > last) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /** The number of two digits at offset. */
    private static short number(byte[] b, short offset) {
        return (short) (b[offset] * 10 + b[(short) (offset + 1)]);
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

    /** Writes a data object with a value from another array. Returns the offset after it. */
    static short put(byte[] b, short offset, short tag, byte[] value, short valueOffset,
            short length) {
        return Util.arrayCopyNonAtomic(value, valueOffset, b, open(b, offset, tag, length), length);
    }

    /** Writes a data object of one byte. Returns the offset after it. */
    static short put(byte[] b, short offset, short tag, byte value) {
        offset = open(b, offset, tag, (short) 1);
        b[offset++] = value;
        return offset;
    }
}
