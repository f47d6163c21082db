package ekrona;

import javacard.framework.Util;

/**
 * The records of what the card decided and the notary has not yet acknowledged, in a ring: record i
 * is in slot (i - 1) modulo LOG_SLOTS. A slot holds the record's length, the head of the hash chain
 * after it, and the record; its kind is in the state block. LOG_SLOTS is a power of two, so the
 * last byte of a counter gives its slot.
 *
 * <p>head_i = SHA-256(head_(i-1) || identity of the record's own message), head_0 =
 * SHA-256(device id || signing point).
 */
final class Log {
    // Kinds of records; zero is none.
    static final byte PAYMENT = (byte) 1;
    static final byte ACCEPTANCE = (byte) 2;
    static final byte REFUSAL = (byte) 3;

    /**
     * Longest record: a Receipt and the Payment that it accepts, of a Request that names its payer.
     */
    static final short RECORD_LENGTH = Spec.ACCEPT_RECORD_LENGTH_MAX;
    static final short SLOT_LENGTH = (short) (Ram.RECORD + RECORD_LENGTH);

    private static final short LENGTH = 0;
    private static final short HEAD = (short) 2;
    private static final short RECORD = Ram.RECORD;
    private static final short SLOT_MASK = (short) (Spec.LOG_SLOTS - 1);
    private static final short LAST_BYTE = (short) 3;

    private final Ram ram;
    private final Nvm nvm;
    private final Engines engines;

    Log(Ram ram, Nvm nvm, Engines engines) {
        this.ram = ram;
        this.nvm = nvm;
        this.engines = engines;
    }

    /**
     * Starts the hash chain, at key generation, with head_0 in the working copy. The signing point
     * is in b.
     */
    void startChain(byte[] b, short point) {
        engines.sha.update(nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        engines.sha.doFinal(b, point, Spec.POINT_LENGTH, ram.state, Nvm.HEAD);
        Util.arrayCopyNonAtomic(ram.state, Nvm.HEAD, ram.state, Nvm.ACKED_HEAD, Spec.HASH_LENGTH);
    }

    /** Number of records in the log: 0 to LOG_SLOTS, so the counters' last bytes suffice. */
    short count() {
        return (short) ((short) (ram.state[(short) (Nvm.ATC + LAST_BYTE)]
                - ram.state[(short) (Nvm.ACKED_ATC + LAST_BYTE)]) & 0xFF);
    }

    /** Slot of the n-th record in the log, n from 1. */
    private short slot(short n) {
        return (short) ((short) (ram.state[(short) (Nvm.ACKED_ATC + LAST_BYTE)] + n - 1)
                & SLOT_MASK);
    }

    /** Payments made and accepted since the last acknowledgement. */
    short transactions() {
        short count = 0;
        for (short n = count(); n > 0; n--) {
            if (ram.state[(short) (Nvm.KINDS + slot(n))] != REFUSAL) {
                count++;
            }
        }
        return count;
    }

    /** Offset in nvm.log of the n-th record, n from 1. */
    short record(short n) {
        return (short) (slot(n) * SLOT_LENGTH + RECORD);
    }

    /** Length of the record at an offset that record() gave. */
    short lengthOf(short record) {
        return Util.getShort(nvm.log, (short) (record - RECORD + LENGTH));
    }

    /**
     * Looks for a record of one kind by bytes in a fixed place.
     *
     * @return its offset in nvm.log, or -1
     */
    short find(byte kind, short place, byte[] b, short offset, short length) {
        for (short n = count(); n > 0; n--) {
            if (ram.state[(short) (Nvm.KINDS + slot(n))] == kind) {
                short record = record(n);
                if (Util.arrayCompare(nvm.log, (short) (record + place), b, offset, length) == 0) {
                    return record;
                }
            }
        }
        return (short) -1;
    }

    /** The sum of what was accepted since the last acknowledgement, to scratch at target. */
    void sumReceived(short target) {
        Util.arrayFillNonAtomic(ram.scratch, target, U32.LENGTH, (byte) 0);
        for (short n = count(); n > 0; n--) {
            if (ram.state[(short) (Nvm.KINDS + slot(n))] == ACCEPTANCE) {
                // No overflow: all of it was once within the maximum balance and the transactions
                // of this card.
                U32.add(ram.scratch, target, nvm.log,
                        (short) (record(n) + Spec.ACCEPT_RECORD_AT_PAYMENT
                                + Messages.PAYMENT_AMOUNT));
            }
        }
    }

    /** Writes the number of the next record as data object. Returns the offset after it. */
    short putNextNumber(byte[] b, short offset) {
        short next = Tlv.put(b, offset, Spec.TAG_ATC, ram.state, Nvm.ATC, U32.LENGTH);
        U32.increment(b, (short) (next - U32.LENGTH), (short) 1);
        return next;
    }

    /**
     * Makes the record in ram.out at Ram.RECORD the next of the log: ATC and head advance in the
     * working copy, and the slot's header is written before the record. The identity of the
     * record's own message is in scratch at IDENTITY.
     */
    void append(byte kind, short length) {
        engines.sha.update(ram.state, Nvm.HEAD, Spec.HASH_LENGTH);
        engines.sha.doFinal(ram.scratch, Ram.IDENTITY, Spec.HASH_LENGTH, ram.state, Nvm.HEAD);
        // No overflow: Limits.requireTransaction has reserved the number.
        U32.increment(ram.state, Nvm.ATC, (short) 1);
        ram.state[(short) (Nvm.KINDS + slot(count()))] = kind;
        Util.setShort(ram.out, LENGTH, length);
        Util.arrayCopyNonAtomic(ram.state, Nvm.HEAD, ram.out, HEAD, Spec.HASH_LENGTH);
    }

    /** Writes the record that append prepared; inside the transaction of the command. */
    void store() {
        Util.arrayCopy(ram.out, (short) 0, nvm.log, (short) (slot(count()) * SLOT_LENGTH),
                (short) (Ram.RECORD + Util.getShort(ram.out, LENGTH)));
    }

    /**
     * Acknowledges the records up to a number, in the working copy, if it lies in the log and the
     * head after it is the one given.
     *
     * @return false if not; then nothing is changed
     */
    boolean acknowledge(byte[] b, short number, short head) {
        if (U32.greater(ram.state, Nvm.ACKED_ATC, b, number)
                || U32.greater(b, number, ram.state, Nvm.ATC)) {
            return false;
        }
        short count = (short) ((short) (b[(short) (number + LAST_BYTE)]
                - ram.state[(short) (Nvm.ACKED_ATC + LAST_BYTE)]) & 0xFF);
        boolean same = count == 0
                ? Util.arrayCompare(ram.state, Nvm.ACKED_HEAD, b, head, Spec.HASH_LENGTH) == 0
                : Util.arrayCompare(nvm.log, (short) (record(count) - RECORD + HEAD), b, head,
                        Spec.HASH_LENGTH) == 0;
        if (!same) {
            return false;
        }
        Util.arrayCopyNonAtomic(b, number, ram.state, Nvm.ACKED_ATC, U32.LENGTH);
        Util.arrayCopyNonAtomic(b, head, ram.state, Nvm.ACKED_HEAD, Spec.HASH_LENGTH);
        return true;
    }
}
