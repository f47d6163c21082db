package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * What policy and memory allow. Only new payments, requests and credits are checked: the balance
 * and open requests stay valid under a lower limit.
 */
final class Limits {
    /** The upper half of the last record numbers. */
    private static final short LAST_HALF = (short) 0xFFFF;

    private final Ram ram;
    private final Nvm nvm;
    private final Log log;
    private final OpenRequests requests;

    Limits(Ram ram, Nvm nvm, Log log, OpenRequests requests) {
        this.ram = ram;
        this.nvm = nvm;
        this.log = log;
        this.requests = requests;
    }

    boolean hasFlag(byte flag) {
        return (byte) (ram.state[(short) (Nvm.POLICY + Spec.POLICY_OFFSET_FLAGS)] & flag) != 0;
    }

    /**
     * Requires a slot in the log, a record number and one more transaction, besides those that open
     * requests reserve. Of the slots, kept are for others.
     */
    void requireTransaction(short kept) {
        short open = requests.count();
        // The last 65,536 record numbers are not given out, so that open requests have theirs.
        if ((short) (log.count() + open) >= (short) (log.slots() - kept)
                || Util.getShort(ram.state, Nvm.ATC) == LAST_HALF) {
            ISOException.throwIt(Spec.SW_LOG_FULL);
        }
        // Both are at most MAX_SLOTS: the ceiling is not above the slots.
        if ((short) (log.transactions() + open) >= Util.getShort(ram.state,
                (short) (Nvm.POLICY + Spec.POLICY_OFFSET_MAX_TRANSACTIONS))) {
            ISOException.throwIt(Spec.SW_TRANSACTION_LIMIT);
        }
    }

    /** Requires that an amount is within the limit for one payment. */
    void requirePayment(byte[] b, short amount) {
        if (U32.greater(b, amount, ram.state,
                (short) (Nvm.POLICY + Spec.POLICY_OFFSET_MAX_PAYMENT))) {
            ISOException.throwIt(Spec.SW_PAYMENT_LIMIT);
        }
    }

    /**
     * Requires that what was paid since the last acknowledgement, this amount counted already, is
     * within the limit for the sum; for the own desk, only that the sum is a number of 32 bits, or
     * the card could not tell how much it is.
     */
    void requireSpendable(byte[] b, short amount, boolean desk) {
        byte[] scratch = ram.scratch;
        log.putPaid(Ram.NUMBER);
        if (U32.greater(b, amount, scratch, Ram.NUMBER) // it has passed 32 bits
                || (!desk && U32.greater(scratch, Ram.NUMBER, ram.state,
                        (short) (Nvm.POLICY + Spec.POLICY_OFFSET_MAX_SPENT)))) {
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
    boolean fitsMaxBalance(byte[] b, short amount) {
        byte[] scratch = ram.scratch;
        Util.arrayCopyNonAtomic(ram.state, Nvm.BALANCE, scratch, Ram.NUMBER, U32.LENGTH);
        return U32.add(scratch, Ram.NUMBER, b, amount)
                && requests.addReserved(Ram.NUMBER)
                && !U32.greater(scratch, Ram.NUMBER, ram.state,
                        (short) (Nvm.POLICY + Spec.POLICY_OFFSET_MAX_BALANCE));
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
