package ekrona;

import javacard.framework.Util;

/**
 * The records of what the card decided and the notary has not yet acknowledged, in a ring of slots,
 * a byte array each. A slot holds the record's kind and length, the head of the hash chain and the
 * running totals after it, and the record: whatever prefix is acknowledged, head and totals at its
 * end are there, and what was paid and received since is a difference of two totals.
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

    // Layout of running totals: amounts paid and received, modulo 2^32, and how often, modulo 2^16.
    private static final short PAID = 0;
    private static final short RECEIVED = (short) (PAID + U32.LENGTH);
    private static final short TRANSACTIONS = (short) (RECEIVED + U32.LENGTH);
    static final short TOTALS_LENGTH = (short) (TRANSACTIONS + 2);

    // Layout of a slot.
    private static final short KIND = 0;
    private static final short LENGTH = (short) 1;
    private static final short HEAD = (short) (LENGTH + 2);
    private static final short TOTALS = (short) (HEAD + Spec.HASH_LENGTH);
    static final short HEADER_LENGTH = (short) (TOTALS + TOTALS_LENGTH);
    static final short SLOT_LENGTH = (short) (HEADER_LENGTH + RECORD_LENGTH);

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

    /** Number of records in the log: at most MAX_SLOTS, so the counters' last bytes suffice. */
    short count() {
        return (short) ((short) (ram.state[(short) (Nvm.ATC + LAST_BYTE)]
                - ram.state[(short) (Nvm.ACKED_ATC + LAST_BYTE)]) & 0xFF);
    }

    /** Slots of the ring. */
    short slots() {
        return (short) nvm.log.length;
    }

    /** Slot of the n-th record, n from 1; its record begins at HEADER_LENGTH. */
    byte[] slot(short n) {
        short index = (short) ((short) (ram.state[Nvm.NEXT_SLOT] & 0xFF) + n - 1 - count());
        return (byte[]) nvm.log[index < 0 ? (short) (index + slots()) : index];
    }

    /** Length of the record in a slot. */
    static short lengthOf(byte[] slot) {
        return Util.getShort(slot, LENGTH);
    }

    /** Payments made and accepted since the last acknowledgement. */
    short transactions() {
        return (short) (Util.getShort(ram.state, (short) (Nvm.TOTALS + TRANSACTIONS))
                - Util.getShort(ram.state, (short) (Nvm.ACKED_TOTALS + TRANSACTIONS)));
    }

    /**
     * Looks for the last record of one kind by bytes in a fixed place of it.
     *
     * @return its slot, or null
     */
    byte[] find(byte kind, short place, byte[] b, short offset, short length) {
        Object[] slots = nvm.log;
        short at = (short) (HEADER_LENGTH + place);
        short index = (short) (ram.state[Nvm.NEXT_SLOT] & 0xFF);
        for (short n = count(); n > 0; n--) {
            if (index == 0) {
                index = (short) slots.length;
            }
            index--;
            byte[] slot = (byte[]) slots[index];
            if (slot[KIND] == kind && Util.arrayCompare(slot, at, b, offset, length) == 0) {
                return slot;
            }
        }
        return null;
    }

    /** What was paid since the last acknowledgement, to scratch at target. */
    void putPaid(short target) {
        putDifference(PAID, target);
    }

    /** What was accepted since the last acknowledgement, to scratch at target. */
    void putReceived(short target) {
        putDifference(RECEIVED, target);
    }

    /** The difference modulo 2^32 is the sum, since Limits lets no sum reach 2^32. */
    private void putDifference(short total, short target) {
        U32.putDifference(ram.state, (short) (Nvm.TOTALS + total),
                ram.state, (short) (Nvm.ACKED_TOTALS + total), ram.scratch, target);
    }

    /**
     * Takes the number of the next record, in the working copy, and writes it as data object.
     * Returns the offset after it.
     */
    short putNextNumber(byte[] b, short offset) {
        return takeNumber(b, Tlv.open(b, offset, Spec.TAG_ATC, U32.LENGTH));
    }

    /** As above, the number alone. */
    short takeNumber(byte[] b, short offset) {
        // No overflow: Limits.requireTransaction has reserved the number.
        U32.increment(ram.state, Nvm.ATC);
        return Util.arrayCopyNonAtomic(ram.state, Nvm.ATC, b, offset, U32.LENGTH);
    }

    /** Counts a payment made, in the working copy: a refusal later discards it. */
    void countPayment(byte[] b, short amount) {
        count(PAID, b, amount);
    }

    /** Appends a payment made, which countPayment has counted. */
    void appendPayment(short length) {
        append(PAYMENT, length);
    }

    /** Counts and appends a payment accepted; amount is an offset in b. */
    void appendAcceptance(short length, byte[] b, short amount) {
        count(RECEIVED, b, amount);
        append(ACCEPTANCE, length);
    }

    /** Appends a refusal. */
    void appendRefusal(short length) {
        append(REFUSAL, length);
    }

    private void count(short total, byte[] b, short amount) {
        byte[] state = ram.state;
        U32.add(state, (short) (Nvm.TOTALS + total), b, amount);
        short transactions = (short) (Nvm.TOTALS + TRANSACTIONS);
        Util.setShort(state, transactions, (short) (Util.getShort(state, transactions) + 1));
    }

    /**
     * Makes the record in ram.out at Ram.RECORD the next of the log, whose number putNextNumber has
     * taken: the head advances in the working copy, and the slot's header is written before the
     * record. The identity of the
     * record's own message is in scratch at IDENTITY.
     */
    private void append(byte kind, short length) {
        engines.sha.update(ram.state, Nvm.HEAD, Spec.HASH_LENGTH);
        engines.sha.doFinal(ram.scratch, Ram.IDENTITY, Spec.HASH_LENGTH, ram.state, Nvm.HEAD);
        ram.out[KIND] = kind;
        Util.setShort(ram.out, LENGTH, length);
        Util.arrayCopyNonAtomic(ram.state, Nvm.HEAD, ram.out, HEAD, Spec.HASH_LENGTH);
        Util.arrayCopyNonAtomic(ram.state, Nvm.TOTALS, ram.out, TOTALS, TOTALS_LENGTH);
    }

    /**
     * Writes the record that append prepared to a free slot, which it names in the working copy:
     * that is stored next, and before it nothing finds the record.
     */
    void store() {
        short index = (short) (ram.state[Nvm.NEXT_SLOT] & 0xFF);
        Util.arrayCopy(ram.out, (short) 0, (byte[]) nvm.log[index], (short) 0,
                (short) (HEADER_LENGTH + Util.getShort(ram.out, LENGTH)));
        index++;
        ram.state[Nvm.NEXT_SLOT] = index == nvm.log.length ? 0 : (byte) index;
    }

    /**
     * Acknowledges the records up to a number, in the working copy, if it lies in the log and the
     * head after it is the one given.
     *
     * @return false if not; then nothing is changed
     */
    boolean acknowledge(byte[] b, short number, short head) {
        byte[] state = ram.state;
        if (U32.greater(state, Nvm.ACKED_ATC, b, number)
                || U32.greater(b, number, state, Nvm.ATC)) {
            return false;
        }
        short count = (short) ((short) (b[(short) (number + LAST_BYTE)]
                - state[(short) (Nvm.ACKED_ATC + LAST_BYTE)]) & 0xFF);
        if (count == 0) {
            return Util.arrayCompare(state, Nvm.ACKED_HEAD, b, head, Spec.HASH_LENGTH) == 0;
        }
        byte[] last = slot(count);
        if (Util.arrayCompare(last, HEAD, b, head, Spec.HASH_LENGTH) != 0) {
            return false;
        }
        Util.arrayCopyNonAtomic(last, HEAD, state, Nvm.ACKED_HEAD, Spec.HASH_LENGTH);
        Util.arrayCopyNonAtomic(last, TOTALS, state, Nvm.ACKED_TOTALS, TOTALS_LENGTH);
        Util.arrayCopyNonAtomic(b, number, state, Nvm.ACKED_ATC, U32.LENGTH);
        return true;
    }
}
