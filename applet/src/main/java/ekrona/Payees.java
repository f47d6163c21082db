package ekrona;

import javacard.framework.Util;

/**
 * The payees that this card has paid lately: of each what its CA has signed. A certificate with the
 * same bytes is not verified again, a third of the time of a payment at a shop that is familiar. A
 * payment that is committed keeps its payee, in place of the one kept longest; nothing else writes
 * here. Whenever the card stores another authority it forgets all of them.
 *
 * <p>The places are a ring; the state block has the number of the next one, and how many before it
 * are in use. A payee is written in the transaction of its payment.
 */
final class Payees {
    /** In the place of a payee: there is none. */
    static final short NONE = (short) -1;

    private static final byte PLACES = (byte) Spec.PAYEES_KEPT;
    private static final short LENGTH = Spec.DEVICE_CERTIFICATE_AT_SIGNATURE;
    /** Of all places. */
    static final short PLACES_LENGTH = (short) (PLACES * LENGTH);

    private final Ram ram;
    private final Nvm nvm;

    Payees(Ram ram, Nvm nvm) {
        this.ram = ram;
        this.nvm = nvm;
    }

    /**
     * Place of the payee whose certificate's content is at that offset of ram.in, or NONE. All
     * that are kept are looked at, so that the time does not show which of them it is.
     */
    short find(short certificate) {
        byte[] in = ram.in;
        byte[] payees = nvm.payees;
        short place = ram.state[Nvm.NEXT_PAYEE];
        short found = NONE;
        for (short n = ram.state[Nvm.PAYEES]; n > 0; n--) {
            if (place == 0) {
                place = PLACES;
            }
            place--;
            if (Util.arrayCompare(in, certificate, payees, (short) (place * LENGTH), LENGTH) == 0) {
                found = place;
            }
        }
        return found;
    }

    /** Offset in nvm.payees of the point of the payee at a place. */
    static short point(short place) {
        return (short) (place * LENGTH + Spec.DEVICE_CERTIFICATE_OFFSET_POINT);
    }

    /** Keeps the payee that store writes, in the working copy. */
    void keep() {
        byte[] state = ram.state;
        byte next = (byte) (state[Nvm.NEXT_PAYEE] + 1);
        state[Nvm.KEPT_PEER] = next;
        state[Nvm.NEXT_PAYEE] = next == PLACES ? 0 : next;
        if (state[Nvm.PAYEES] != PLACES) {
            state[Nvm.PAYEES]++;
        }
    }

    /** Writes the payee that keep keeps, from its certificate's content in ram.in. */
    void store(short certificate) {
        Util.arrayCopy(ram.in, certificate, nvm.payees, last(), LENGTH);
    }

    /** Reports whether it is there. */
    boolean isStored(short certificate) {
        return Util.arrayCompare(ram.in, certificate, nvm.payees, last(), LENGTH) == 0;
    }

    /** Offset of the place before the next one of the working copy, which keep has passed. */
    private short last() {
        byte next = ram.state[Nvm.NEXT_PAYEE];
        return (short) ((short) ((next == 0 ? PLACES : next) - 1) * LENGTH);
    }

    /** Forgets all payees, in the working copy. */
    static void forget(byte[] state) {
        state[Nvm.PAYEES] = 0;
        state[Nvm.KEPT_PEER] = 0;
    }
}
