package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * What policy, crisis order and memory allow. Of each limit the higher one of policy and order
 * counts, within the ceilings, where the order counts on the day: a date in ram.in, or NO_DAY. Only
 * new payments, requests and credits are checked: the balance and open requests stay valid under a
 * lower limit.
 */
final class Limits {
    private static final short SIGN = (short) 0x8000;
    /** From a number's place in a policy to its place in a row of a crisis order. */
    private static final short TO_ROW =
            (short) (Spec.ORDER_ROW_OFFSET_MAX_BALANCE - Spec.POLICY_OFFSET_MAX_BALANCE);

    /** The day where nobody has a clock. */
    static final short NO_DAY = (short) -1;

    /** The upper half of the last record numbers. */
    private static final short LAST_HALF = (short) 0xFFFF;

    private final Ram ram;
    private final Nvm nvm;
    private final Log log;
    private final OpenRequests requests;
    private final StoredOrder order;

    Limits(Ram ram, Nvm nvm, Log log, OpenRequests requests, StoredOrder order) {
        this.ram = ram;
        this.nvm = nvm;
        this.log = log;
        this.requests = requests;
        this.order = order;
    }

    /**
     * Reports whether an amount is above a limit in force, which has that place in a policy. The
     * crisis order is asked only for what the policy does not allow.
     */
    private boolean isAbove(byte[] b, short amount, short limit, short day) {
        if (!U32.greater(b, amount, ram.state, (short) (Nvm.POLICY + limit))) {
            return false;
        }
        short row = order.row(day);
        return row < 0 || U32.greater(b, amount, nvm.order, (short) (row + TO_ROW + limit))
                || U32.greater(b, amount, nvm.identity, (short) (Nvm.CEILINGS + limit));
    }

    /** Reports whether so many transactions are as many as are allowed, or more. */
    private boolean areAll(short transactions, short day) {
        short limit = Spec.POLICY_OFFSET_MAX_TRANSACTIONS;
        if (transactions < Util.getShort(ram.state, (short) (Nvm.POLICY + limit))) {
            return false;
        }
        short row = order.row(day);
        // An order's number can be above 32,767; a ceiling is not above the slots.
        return row < 0 || (short) (transactions ^ SIGN) >= (short) (Util.getShort(nvm.order,
                (short) (row + TO_ROW + limit)) ^ SIGN)
                || transactions >= Util.getShort(nvm.identity, (short) (Nvm.CEILINGS + limit));
    }

    boolean hasFlag(byte flag) {
        return (byte) (ram.state[(short) (Nvm.POLICY + Spec.POLICY_OFFSET_FLAGS)] & flag) != 0;
    }

    /**
     * Requires a slot in the log, a record number and one more transaction, besides those that open
     * requests reserve. Of the slots, kept are for others.
     */
    void requireTransaction(short kept, short day) {
        short open = requests.count();
        // The last 65,536 record numbers are not given out, so that open requests have theirs.
        if ((short) (log.count() + open) >= (short) (log.slots() - kept)
                || Util.getShort(ram.state, Nvm.ATC) == LAST_HALF) {
            ISOException.throwIt(Spec.SW_LOG_FULL);
        }
        if (areAll((short) (log.transactions() + open), day)) {
            ISOException.throwIt(Spec.SW_TRANSACTION_LIMIT);
        }
    }

    /** Requires that an amount is within the limit for one payment. */
    void requirePayment(byte[] b, short amount, short day) {
        if (isAbove(b, amount, Spec.POLICY_OFFSET_MAX_PAYMENT, day)) {
            ISOException.throwIt(Spec.SW_PAYMENT_LIMIT);
        }
    }

    /**
     * Requires that what was paid since the last acknowledgement, and this amount, is within the
     * limit for the sum; for the own desk, only that the sum is a number of 32 bits, or the card
     * could not tell how much it is.
     */
    void requireSpendable(byte[] b, short amount, boolean desk, short day) {
        if (!log.putPaid(b, amount, Ram.NUMBER) || (!desk
                && isAbove(ram.scratch, Ram.NUMBER, Spec.POLICY_OFFSET_MAX_SPENT, day))) {
            ISOException.throwIt(Spec.SW_SPENT_LIMIT);
        }
    }

    /**
     * Requires that the balance covers an amount: unless the policy lets received money be spent,
     * without what was received and is not yet acknowledged.
     */
    void requireFunds(byte[] b, short amount) {
        if (U32.greater(b, amount, ram.state, Nvm.BALANCE)) {
            ISOException.throwIt(Spec.SW_FUNDS);
        }
        if (!hasFlag(Spec.FLAG_SPEND_RECEIVED)) {
            byte[] scratch = ram.scratch;
            log.putReceived(Ram.NUMBER);
            Util.arrayCopyNonAtomic(ram.state, Nvm.BALANCE, scratch, Ram.NUMBER_2, U32.LENGTH);
            if (!U32.subtract(scratch, Ram.NUMBER_2, scratch, Ram.NUMBER)
                    || U32.greater(b, amount, scratch, Ram.NUMBER_2)) {
                ISOException.throwIt(Spec.SW_RECEIVED_LOCKED);
            }
        }
    }

    /**
     * Reports whether an amount fits under the maximum balance, besides the balance and what open
     * requests reserve.
     */
    boolean fitsMaxBalance(byte[] b, short amount, short day) {
        byte[] scratch = ram.scratch;
        Util.arrayCopyNonAtomic(ram.state, Nvm.BALANCE, scratch, Ram.NUMBER, U32.LENGTH);
        return U32.add(scratch, Ram.NUMBER, b, amount)
                && requests.addReserved(Ram.NUMBER)
                && !isAbove(scratch, Ram.NUMBER, Spec.POLICY_OFFSET_MAX_BALANCE, day);
    }

    /**
     * Reports whether what was received since the last acknowledgement, what open requests reserve
     * and an amount are together a number of 32 bits: as it grows further, the card could no longer
     * tell how much it is.
     */
    boolean fitsReceived(byte[] b, short amount) {
        log.putReceived(Ram.NUMBER);
        return U32.add(ram.scratch, Ram.NUMBER, b, amount) && requests.addReserved(Ram.NUMBER);
    }

    /** Reports whether a policy is within the ceilings that the card was installed with. */
    boolean isWithinCeilings(byte[] b, short policy) {
        byte[] ceilings = nvm.identity;
        short transactions =
                Util.getShort(b, (short) (policy + Spec.POLICY_OFFSET_MAX_TRANSACTIONS));
        short mostTransactions =
                Util.getShort(ceilings,
                        (short) (Nvm.CEILINGS + Spec.POLICY_OFFSET_MAX_TRANSACTIONS));
        // A flag is a permission that the ceilings must give, except PIN_TO_RECEIVE, a restriction.
        byte extra = (byte) (b[(short) (policy + Spec.POLICY_OFFSET_FLAGS)]
                & (byte) ~(byte) (ceilings[(short) (Nvm.CEILINGS + Spec.POLICY_OFFSET_FLAGS)]
                        | Spec.FLAG_PIN_TO_RECEIVE));
        return !exceeds(b, policy, Spec.POLICY_OFFSET_MAX_BALANCE)
                && !exceeds(b, policy, Spec.POLICY_OFFSET_MAX_PAYMENT)
                && !exceeds(b, policy, Spec.POLICY_OFFSET_MAX_SPENT)
                && transactions >= 0 // else above 32,767
                && transactions <= mostTransactions
                && extra == 0;
    }

    private boolean exceeds(byte[] b, short policy, short amount) {
        return U32.greater(b, (short) (policy + amount), nvm.identity,
                (short) (Nvm.CEILINGS + amount));
    }
}
