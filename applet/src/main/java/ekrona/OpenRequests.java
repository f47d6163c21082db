package ekrona;

import javacard.framework.Util;

/**
 * The requests that this card issued and has neither accepted nor refused, oldest first. Each
 * reserves its amount under the maximum balance, a slot in the log and one transaction, so that
 * ACCEPT and REFUSE never fail for lack of space. Numbers and amounts are in the state block. The
 * signed messages are in nvm.requests, each after its identity, for readers that ask again.
 */
final class OpenRequests {
    // Layout of an entry.
    /** Where in nvm.requests the message is. */
    private static final short PLACE = 0;
    static final short NUMBER = (short) 1;
    static final short AMOUNT = (short) (NUMBER + U32.LENGTH);
    /** Of number and amount. */
    static final short VALUES_LENGTH = (short) (2 * U32.LENGTH);
    static final short ENTRY_LENGTH = (short) (NUMBER + VALUES_LENGTH);

    /** Of a place in nvm.requests: the identity, and the message after it. */
    static final short HEADER_LENGTH = Spec.HASH_LENGTH;
    static final short PLACE_LENGTH = (short) (HEADER_LENGTH + Messages.CARD_REQUEST_LENGTH_MAX);

    private final Ram ram;
    private final Nvm nvm;

    OpenRequests(Ram ram, Nvm nvm) {
        this.ram = ram;
        this.nvm = nvm;
    }

    short count() {
        return ram.state[Nvm.OPEN_COUNT];
    }

    /** Offset in the working copy of the n-th entry, n from 1. */
    short entry(short n) {
        return (short) (Nvm.OPEN + (short) (n - 1) * ENTRY_LENGTH);
    }

    /** Offset in nvm.requests of an entry's message; its identity is before it. */
    short message(short entry) {
        return message(ram.state, entry);
    }

    /** The same of an entry of the state block. */
    static short message(byte[] state, short entry) {
        return (short) (state[(short) (entry + PLACE)] * PLACE_LENGTH + HEADER_LENGTH);
    }

    /** Entry with this number, or -1. */
    short find(byte[] b, short number) {
        for (short n = count(); n > 0; n--) {
            short entry = entry(n);
            if (Util.arrayCompare(ram.state, (short) (entry + NUMBER), b, number,
                    U32.LENGTH) == 0) {
                return entry;
            }
        }
        return (short) -1;
    }

    /**
     * Adds what the open requests reserve to the number in scratch at target. Returns false on
     * overflow.
     */
    boolean addReserved(short target) {
        boolean fits = true;
        for (short n = count(); n > 0; n--) {
            fits &= U32.add(ram.scratch, target, ram.state, (short) (entry(n) + AMOUNT));
        }
        return fits;
    }

    /**
     * Makes an entry in the working copy, with a place for its message: the card's last request
     * number and an amount. Request has checked that there is space.
     */
    void open(byte[] b, short amount) {
        byte[] state = ram.state;
        short place = 0;
        while (isTaken(place)) {
            place++;
        }
        state[Nvm.OPEN_COUNT]++;
        short entry = entry(count());
        state[(short) (entry + PLACE)] = (byte) place;
        Util.arrayCopyNonAtomic(state, Nvm.REQUEST_NUMBER, state, (short) (entry + NUMBER),
                U32.LENGTH);
        Util.arrayCopyNonAtomic(b, amount, state, (short) (entry + AMOUNT), U32.LENGTH);
    }

    private boolean isTaken(short place) {
        for (short n = count(); n > 0; n--) {
            if (ram.state[(short) (entry(n) + PLACE)] == place) {
                return true;
            }
        }
        return false;
    }

    /**
     * Removes an entry from the working copy; its message stays in nvm.requests until another takes
     * its place.
     */
    void close(short entry) {
        short next = (short) (entry + ENTRY_LENGTH);
        short end = entry((short) (count() + 1));
        Util.arrayCopyNonAtomic(ram.state, next, ram.state, entry, (short) (end - next));
        Util.arrayFillNonAtomic(ram.state, (short) (end - ENTRY_LENGTH), ENTRY_LENGTH, (byte) 0);
        ram.state[Nvm.OPEN_COUNT]--;
    }

    /**
     * Writes what is in b, identity and message of the request that was opened last, to its place,
     * which only the working copy names.
     */
    void store(byte[] b, short length) {
        Util.arrayCopy(b, (short) 0, nvm.requests, lastPlace(), length);
    }

    /** Reports whether it is there. */
    boolean isStored(byte[] b, short length) {
        return Util.arrayCompare(b, (short) 0, nvm.requests, lastPlace(), length) == 0;
    }

    private short lastPlace() {
        return (short) (message(entry(count())) - HEADER_LENGTH);
    }
}
