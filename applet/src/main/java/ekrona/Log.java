package ekrona;

import javacard.framework.Util;

/**
 * The records of what the card decided and the notary has not yet acknowledged, in a ring of slots,
 * a byte array each. A slot holds the record's kind and length, the identity of its own message,
 * the running totals after it, and the record: whatever prefix is acknowledged, the totals at its
 * end are there, and what was paid and received since is a difference of two totals.
 *
 * <p>head_i = SHA-256(head_(i-1) || identity of the record's own message), head_0 =
 * SHA-256(device id || signing point). Only the head at the last acknowledgement is stored: a later
 * one is computed when the card synchronises, not at a payment.
 */
final class Log {
    // Kinds of records; zero is none.
    static final byte PAYMENT = (byte) 0x36;
    static final byte ACCEPTANCE = (byte) 0x59;
    static final byte REFUSAL = (byte) 0x63;

    /** In the place of a slot: there is none. */
    static final short NONE = (short) -1;

    /**
     * Longest record: a Receipt and the Payment that it accepts, of a Request that names its payer.
     */
    static final short RECORD_LENGTH = (short) (Spec.ACCEPT_RECORD_LENGTH_MAX
            - Spec.REQUEST_LENGTH_MAX + Messages.CARD_REQUEST_LENGTH_MAX);

    // Layout of running totals: amounts paid and received, modulo 2^32, and how often, modulo 2^16.
    private static final short PAID = 0;
    private static final short RECEIVED = (short) (PAID + U32.LENGTH);
    private static final short TRANSACTIONS = (short) (RECEIVED + U32.LENGTH);
    static final short TOTALS_LENGTH = (short) (TRANSACTIONS + 2);

    // Layout of a slot.
    private static final short KIND = 0;
    private static final short LENGTH = (short) 1;
    private static final short IDENTITY = (short) (LENGTH + 2);
    private static final short TOTALS = (short) (IDENTITY + Spec.HASH_LENGTH);
    static final short HEADER_LENGTH = (short) (TOTALS + TOTALS_LENGTH);
    static final short SLOT_LENGTH = (short) (HEADER_LENGTH + RECORD_LENGTH);

    private static final short LAST_BYTE = (short) 3;
    private static final short MASK = (short) 0xFF;

    private final Ram ram;
    private final Nvm nvm;
    private final Engines engines;
    private final Guard guard;

    Log(Ram ram, Nvm nvm, Engines engines, Guard guard) {
        this.ram = ram;
        this.nvm = nvm;
        this.engines = engines;
        this.guard = guard;
    }

    /**
     * Starts the hash chain, at key generation, with head_0 in the working copy. The signing point
     * is in b.
     */
    void startChain(byte[] b, short point) {
        engines.sha.update(nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        engines.sha.doFinal(b, point, Spec.POINT_LENGTH, ram.state, Nvm.ACKED_HEAD);
    }

    /** Number of records in the log: at most MAX_SLOTS, so the counters' last bytes suffice. */
    short count() {
        return (short) ((short) (ram.state[(short) (Nvm.ATC + LAST_BYTE)]
                - ram.state[(short) (Nvm.ACKED_ATC + LAST_BYTE)]) & MASK);
    }

    /** Slots of the ring. */
    short slots() {
        return (short) nvm.log.length;
    }

    /** Slot of the n-th record, n from 1; its record begins at HEADER_LENGTH. */
    short slotOf(short n) {
        short slot = (short) ((short) (ram.state[Nvm.NEXT_SLOT] & MASK) + n - 1 - count());
        return slot < 0 ? (short) (slot + slots()) : slot;
    }

    /** Slot of the last record, where there is one. */
    short lastSlot() {
        short next = (short) (ram.state[Nvm.NEXT_SLOT] & MASK);
        return (short) ((next == 0 ? slots() : next) - 1);
    }

    byte[] slot(short slot) {
        return (byte[]) nvm.log[slot];
    }

    /**
     * As find, among the last record alone: how long it takes does not tell how many there are.
     */
    short findLast(byte kind, short place, byte[] b, short offset, short length) {
        byte[] state = ram.state;
        if (state[(short) (Nvm.ATC + LAST_BYTE)] == state[(short) (Nvm.ACKED_ATC + LAST_BYTE)]) {
            return NONE;
        }
        short last = lastSlot();
        return Util.arrayCompare(slot(last), (short) (HEADER_LENGTH + place), b, offset,
                length) == 0 && slot(last)[KIND] == kind ? last : NONE;
    }

    /** Length of the record in a slot. */
    short lengthOf(short slot) {
        return Util.getShort(slot(slot), LENGTH);
    }

    /** Payments made and accepted since the last acknowledgement. */
    short transactions() {
        return (short) (Util.getShort(ram.state, (short) (Nvm.TOTALS + TRANSACTIONS))
                - Util.getShort(ram.state, (short) (Nvm.ACKED_TOTALS + TRANSACTIONS)));
    }

    /**
     * Looks for the last record of one kind by bytes in a fixed place of it.
     *
     * @return its slot, or NONE
     */
    short find(byte kind, short place, byte[] b, short offset, short length) {
        Object[] slots = nvm.log;
        place += HEADER_LENGTH;
        short index = (short) (ram.state[Nvm.NEXT_SLOT] & MASK);
        for (short n = count(); n > 0; n--) {
            if (index == 0) {
                index = (short) slots.length;
            }
            index--;
            // The kind is looked at last: a log can be long, and a match is rare.
            if (Util.arrayCompare((byte[]) slots[index], place, b, offset, length) == 0
                    && slot(index)[KIND] == kind) {
                return index;
            }
        }
        return NONE;
    }

    /**
     * What was paid since the last acknowledgement, and an amount, to scratch at target. The
     * difference modulo 2^32 is the sum, since Limits lets no sum reach 2^32.
     *
     * @return false when it would be 2^32 or more
     */
    boolean putPaid(byte[] b, short amount, short target) {
        byte[] state = ram.state;
        return U32.putDifferenceAnd(state, (short) (Nvm.TOTALS + PAID),
                (short) (Nvm.ACKED_TOTALS + PAID), b, amount, ram.scratch, target);
    }

    /** What was accepted since the last acknowledgement, to scratch at target. */
    void putReceived(short target) {
        U32.putDifference(ram.state, (short) (Nvm.TOTALS + RECEIVED),
                ram.state, (short) (Nvm.ACKED_TOTALS + RECEIVED), ram.scratch, target);
    }

    /** Counts a payment made, in the working copy; amount is an offset in b. */
    void countPayment(byte[] b, short amount) {
        count(PAID, b, amount);
    }

    /** Counts a payment accepted, in the working copy. */
    void countAcceptance(byte[] b, short amount) {
        count(RECEIVED, b, amount);
    }

    private void count(short total, byte[] b, short amount) {
        byte[] state = ram.state;
        U32.count(state, (short) (Nvm.TOTALS + total), b, amount);
        short transactions = (short) (Nvm.TOTALS + TRANSACTIONS);
        Util.setShort(state, transactions, (short) (Util.getShort(state, transactions) + 1));
    }

    /** Appends one record, in the working copy: number and slot. */
    void append() {
        // No overflow: Limits.requireTransaction has reserved the number.
        U32.increment(ram.state, Nvm.ATC);
        short next = (short) ((short) (ram.state[Nvm.NEXT_SLOT] & MASK) + 1);
        ram.state[Nvm.NEXT_SLOT] = next == (short) nvm.log.length ? 0 : (byte) next;
    }

    /** Writes the number of the record that append has appended, as data object. */
    short putNumber(byte[] b, short offset) {
        return Tlv.put(b, offset, Spec.TAG_ATC, ram.state, Nvm.ATC, U32.LENGTH);
    }

    /**
     * Makes the record in ram.out at Ram.RECORD, whose own message was signed and may have the
     * command's message behind it, whole: the slot's header is written before it. Then stores it.
     */
    void prepare(byte kind, boolean withOther) {
        byte[] out = ram.out;
        out[KIND] = kind;
        Util.setShort(out, LENGTH, length(withOther));
        Util.arrayCopyNonAtomic(ram.scratch, Ram.IDENTITY, out, IDENTITY, Spec.HASH_LENGTH);
        Util.arrayCopyNonAtomic(ram.state, Nvm.TOTALS, out, TOTALS, TOTALS_LENGTH);
        guard.require(out[KIND] == kind && Util.getShort(out, LENGTH) == length(withOther)
                && Util.arrayCompare(ram.scratch, Ram.IDENTITY, out, IDENTITY, Spec.HASH_LENGTH)
                == 0
                && Util.arrayCompare(ram.state, Nvm.TOTALS, out, TOTALS, TOTALS_LENGTH) == 0
                && isAppended()); // or else nothing would be left of what was signed
        store();
    }

    private short length(boolean withOther) {
        short length = (short) (ram.words[Ram.BODY_END] - Ram.RECORD);
        return withOther ? (short) (length + Util.getShort(ram.scratch, Ram.END)) : length;
    }

    /**
     * Writes the record that was prepared to its slot, which is free: the state that names it is
     * stored afterwards, and before that nothing finds the record.
     */
    private void store() {
        byte[] slot = slot(nextSlot());
        // What is written over is the free slot, and no record.
        guard.require(ram.out[KIND] != 0 && slot == slot(lastSlot()));
        Util.arrayCopy(ram.out, (short) 0, slot, (short) 0, preparedLength());
    }

    /** Reports whether the working copy has one record more than the state. */
    private boolean isAppended() {
        return ram.state[(short) (Nvm.ATC + LAST_BYTE)]
                != nvm.state[(short) (Nvm.ATC + LAST_BYTE)];
    }

    /**
     * Requires that the record is signed and in its slot, where the working copy has one record
     * more.
     */
    void requireStored() {
        if (isAppended()) {
            guard.requireSigned();
            // Where nothing was prepared, an empty slot is like it.
            guard.require(ram.out[KIND] != 0 && Util.arrayCompare(slot(nextSlot()), (short) 0,
                    ram.out, (short) 0, preparedLength()) == 0);
        }
    }

    private short nextSlot() {
        return (short) (nvm.state[Nvm.NEXT_SLOT] & MASK);
    }

    private short preparedLength() {
        return (short) (HEADER_LENGTH + Util.getShort(ram.out, LENGTH));
    }

    /** Number of the records up to a record's number, or -1 if that does not lie in the log. */
    short countTo(byte[] b, short number) {
        byte[] state = ram.state;
        if (U32.greater(state, Nvm.ACKED_ATC, b, number)
                || U32.greater(b, number, state, Nvm.ATC)) {
            return (short) -1;
        }
        return (short) ((short) (b[(short) (number + LAST_BYTE)]
                - state[(short) (Nvm.ACKED_ATC + LAST_BYTE)]) & MASK);
    }

    /** Writes the head after so many records to scratch at target. */
    void putHead(short count, short target) {
        byte[] scratch = ram.scratch;
        Util.arrayCopyNonAtomic(ram.state, Nvm.ACKED_HEAD, scratch, target, Spec.HASH_LENGTH);
        for (short n = (short) 1; n <= count; n++) {
            engines.sha.update(scratch, target, Spec.HASH_LENGTH);
            engines.sha.doFinal(slot(slotOf(n)), IDENTITY, Spec.HASH_LENGTH, scratch, target);
        }
    }

    /** Acknowledges so many records, in the working copy: up to that number, with that head. */
    void acknowledge(short count, byte[] b, short number, short head) {
        byte[] state = ram.state;
        if (count > 0) {
            Util.arrayCopyNonAtomic(slot(slotOf(count)), TOTALS, state, Nvm.ACKED_TOTALS,
                    TOTALS_LENGTH);
        }
        Util.arrayCopyNonAtomic(b, head, state, Nvm.ACKED_HEAD, Spec.HASH_LENGTH);
        Util.arrayCopyNonAtomic(b, number, state, Nvm.ACKED_ATC, U32.LENGTH);
    }
}
