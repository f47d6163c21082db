package ekrona;

import javacard.framework.Util;
import javacard.security.ECPublicKey;
import javacard.security.Signature;

/**
 * The public keys of authorities. Eight places are stored: two roots, four intermediary CAs, a
 * notary and the instruction key of the card's own intermediary. Two more are kept for the session
 * (AUTHORITIES_KEPT): what somebody has presented. Such a key verifies beside the stored ones, and
 * is stored by the payment, or the Instruction, that it verified; so nobody leaves a mark on the
 * card by certificates alone.
 *
 * <p>A place's entry names the key's row, which is a key object and never moves. A presented key
 * goes to one of two scratch rows, in turn, which no stored place refers to; when it is stored, the
 * place and the scratch row are exchanged, in the state block: a power cut leaves every stored key
 * as it was, or the new one. Entries of the session follow the state block in its working copy.
 *
 * <p>All rows share one verifier, which keeps over resets the key that it was initialised with
 * last, so that a payee of the same CA as before needs no init. Whose key that is stands in the
 * session, and in the state block whenever that is stored. It is erased there before the verifier
 * gets another key, or its key another point: a power cut in between costs an init, and never
 * leaves a verifier that is taken for another authority's.
 */
final class Authorities {
    // Places.
    static final short ROOT = 0;
    static final short PREVIOUS_ROOT = (short) 1;
    static final short CA = Spec.ROOTS_KEPT;
    static final short NOTARY = (short) (CA + Spec.CA_CACHE);
    static final short INSTRUCTION_KEY = (short) (NOTARY + 1);
    private static final short PLACES = (short) (INSTRUCTION_KEY + 1);
    /** The first place of the session. */
    private static final short KEPT = PLACES;
    static final short ROWS = (short) (PLACES + Spec.AUTHORITIES_KEPT);

    // Layout of an entry.
    /** Row plus one; negative while the place is empty, zero in an empty place of the session. */
    private static final short ROW = 0;
    private static final short REFERENCE = (short) 1;
    private static final short EXPIRY = (short) (REFERENCE + Spec.AUTHORITY_LENGTH);
    /** Number of the root that certified it, of a root its own, counted from the first one. */
    private static final short GENERATION = (short) (EXPIRY + Spec.DATE_LENGTH);
    private static final short ENTRY_LENGTH = (short) (GENERATION + 1);
    /** Of the entries in the state block. */
    static final short STORED_LENGTH = (short) (PLACES * ENTRY_LENGTH);
    /** Of those that follow it in the working copy. */
    static final short KEPT_LENGTH = (short) (Spec.AUTHORITIES_KEPT * ENTRY_LENGTH);

    // The directory.
    /** Which CA is replaced next, counted from 0. */
    private static final short NEXT_CA = Nvm.DIRECTORY;
    /**
     * Place of the card's own CA, which is never replaced; zero before the card has a certificate.
     */
    private static final short OWN_CA = (short) (NEXT_CA + 1);
    /** The rows of the session's places. */
    private static final short SCRATCH = (short) (OWN_CA + 1);
    static final short DIRECTORY_LENGTH = (short) (2 + Spec.AUTHORITIES_KEPT);

    private final Ram ram;
    private final Nvm nvm;
    private final Engines engines;
    private final ECPublicKey[] keys;
    private final Signature verifier;

    Authorities(Ram ram, Nvm nvm, Engines engines) {
        this.ram = ram;
        this.nvm = nvm;
        this.engines = engines;
        keys = new ECPublicKey[ROWS];
        for (short row = 0; row < ROWS; row++) {
            keys[row] = Curve.newPublicKey();
        }
        verifier = Engines.newVerifier();
    }

    /** Writes the directory of a new card: every place is empty. */
    static void clearDirectory(byte[] state) {
        for (short place = 0; place < PLACES; place++) {
            state[(short) (entry(place) + ROW)] = (byte) (-1 - place);
        }
        for (short n = 0; n < Spec.AUTHORITIES_KEPT; n++) {
            state[(short) (SCRATCH + n)] = (byte) (PLACES + n);
        }
    }

    /** Begins a session: the verifier has the key that the state block names. */
    void begin() {
        ram.session[Ram.VERIFIER] = nvm.state[Nvm.VERIFIER];
    }

    private static short entry(short place) {
        return (short) (Nvm.AUTHORITIES + place * ENTRY_LENGTH);
    }

    /**
     * Place with this reference for a role, whose count places begin with first, or -1. The
     * session's comes before the stored one, which it renews.
     */
    short find(short first, short count, byte[] b, short reference) {
        if (Util.getShort(ram.session, Ram.KEPT_FOR) != 0) {
            for (short place = KEPT; place < ROWS; place++) {
                if (ram.session[(short) (Ram.KEPT_FOR + place - KEPT)] == first
                        && hasReference(place, b, reference)) {
                    return place;
                }
            }
        }
        return findStored(first, count, b, reference);
    }

    private short findStored(short first, short count, byte[] b, short reference) {
        byte[] state = ram.state;
        short entry = entry(first);
        short end = (short) (first + count);
        for (short place = first; place < end; place++) {
            if (state[entry] > 0 && Util.arrayCompare(state, (short) (entry + REFERENCE), b,
                    reference, Spec.AUTHORITY_LENGTH) == 0) {
                return place;
            }
            entry += ENTRY_LENGTH;
        }
        return (short) -1;
    }

    private boolean hasReference(short place, byte[] b, short reference) {
        short entry = entry(place);
        return ram.state[entry] > 0
                && Util.arrayCompare(ram.state, (short) (entry + REFERENCE), b, reference,
                        Spec.AUTHORITY_LENGTH) == 0;
    }

    boolean isKnown(short place) {
        return ram.state[entry(place)] > 0;
    }

    private short row(short place) {
        return (short) (ram.state[entry(place)] - 1);
    }

    /**
     * Reports whether the plain signature at signature is by the key of a place, over the bytes at
     * offset; all in ram.in.
     */
    boolean verify(short place, short offset, short length, short signature) {
        return initVerifier(row(place))
                && engines.verify(verifier, ram.in, offset, length, signature);
    }

    /** Initialises the verifier with the key of a row, unless it has that key. */
    private boolean initVerifier(short row) {
        byte wanted = (byte) (row + 1);
        if (ram.session[Ram.VERIFIER] == wanted) {
            return true;
        }
        forgetVerifier();
        if (!Engines.init(verifier, keys[row])) {
            return false;
        }
        ram.session[Ram.VERIFIER] = wanted;
        return true;
    }

    private void forgetVerifier() {
        ram.session[Ram.VERIFIER] = 0;
        if (nvm.state[Nvm.VERIFIER] != 0) {
            nvm.state[Nvm.VERIFIER] = 0;
        }
    }

    /** Reports whether the key of a place is this point. Writes over ram.out. */
    boolean hasPoint(short place, byte[] b, short point) {
        keys[row(place)].getW(ram.out, (short) 0);
        return Util.arrayCompare(ram.out, (short) 0, b, point, Spec.POINT_LENGTH) == 0;
    }

    /** Offset in the working copy of the reference of a place's authority. */
    short reference(short place) {
        return (short) (entry(place) + REFERENCE);
    }

    /** Offset in the working copy of the expiry date of a place's authority. */
    short expiry(short place) {
        return (short) (entry(place) + EXPIRY);
    }

    /** Number of the root that certified the authority of a place, of a root its own. */
    byte generation(short place) {
        return ram.state[(short) (entry(place) + GENERATION)];
    }

    boolean isExpired(short place) {
        return isExpired(ram.state, expiry(place));
    }

    /**
     * Reports whether an expiry date is before the card's date. Dates are digits, so signed and
     * unsigned comparison agree.
     */
    boolean isExpired(byte[] b, short expiry) {
        return Util.arrayCompare(b, expiry, ram.state, Nvm.DATE, Spec.DATE_LENGTH) < 0;
    }

    /**
     * The place for a new CA: the next in turn, an empty one while there is any, and never that of
     * the card's own CA.
     */
    private short placeForCA() {
        byte[] state = ram.state;
        if (state[NEXT_CA] == (byte) (ownCA() - CA)) {
            advanceNextCA(state);
        }
        short place = (short) (CA + state[NEXT_CA]);
        advanceNextCA(state);
        return place;
    }

    private static void advanceNextCA(byte[] state) {
        byte next = (byte) (state[NEXT_CA] + 1);
        state[NEXT_CA] = next == (byte) Spec.CA_CACHE ? 0 : next;
    }

    /** Place of the card's own CA, 0 before there is one. */
    short ownCA() {
        return ram.state[OWN_CA];
    }

    void setOwnCA(short place) {
        ram.state[OWN_CA] = (byte) place;
    }

    /**
     * Keeps an authority for the session, for the role whose places begin with first. Its key is
     * written at once, to a scratch row: the two take turns, from one that nobody can foretell.
     *
     * @return its place, or -1 when the point is refused
     */
    short keep(short first, byte[] b, short point, short reference, byte[] c, short expiry,
            byte generation) {
        short turn = ram.session[Ram.KEPT_NEXT];
        ram.session[Ram.KEPT_NEXT] = (byte) (turn ^ 1);
        short place = (short) (KEPT + turn);
        forget(place);
        short row = ram.state[(short) (SCRATCH + turn)];
        // The verifier has the key of the root that certified it, or none: never this row's.
        if (!Engines.set(keys[row], b, point)) {
            return (short) -1;
        }
        short entry = entry(place);
        ram.state[entry] = (byte) (row + 1);
        Util.arrayCopyNonAtomic(b, reference, ram.state, (short) (entry + REFERENCE),
                Spec.AUTHORITY_LENGTH);
        Util.arrayCopyNonAtomic(c, expiry, ram.state, (short) (entry + EXPIRY), Spec.DATE_LENGTH);
        ram.state[(short) (entry + GENERATION)] = generation;
        ram.session[(short) (Ram.KEPT_FOR + turn)] = (byte) first;
        return place;
    }

    /** Forgets what a place of the session has; a stored one stays. */
    void forget(short place) {
        if (place >= KEPT) {
            ram.state[entry(place)] = 0;
            ram.session[(short) (Ram.KEPT_FOR + place - KEPT)] = 0;
        }
    }

    /**
     * Stores an authority of the session, in the working copy: a CA instead of the one that it
     * renews, or of the next in turn, notary and instruction key instead of the former one, which
     * no other of the session may replace any more. A stored one stays where it is.
     *
     * @return the stored place
     */
    short store(short place) {
        if (place < KEPT) {
            return place;
        }
        short first = ram.session[(short) (Ram.KEPT_FOR + place - KEPT)];
        short to = first;
        if (first == CA) {
            to = findStored(CA, Spec.CA_CACHE, ram.state, reference(place));
            if (to < 0) {
                to = placeForCA();
            }
        }
        move(place, to);
        for (short other = KEPT; other < ROWS; other++) {
            if (ram.session[(short) (Ram.KEPT_FOR + other - KEPT)] == first) {
                forget(other);
            }
        }
        return to;
    }

    /**
     * Makes a root of the session the current one, in the working copy; the current root becomes
     * the previous one.
     */
    void storeRoot(short place) {
        byte[] state = ram.state;
        byte free = state[entry(PREVIOUS_ROOT)];
        Util.arrayCopyNonAtomic(state, entry(ROOT), state, entry(PREVIOUS_ROOT), ENTRY_LENGTH);
        state[entry(ROOT)] = free;
        move(place, ROOT);
        forget(place);
    }

    /** Moves a session's entry to a stored place, whose row becomes the scratch row. */
    private void move(short place, short to) {
        byte[] state = ram.state;
        byte old = state[entry(to)];
        Util.arrayCopyNonAtomic(state, entry(place), state, entry(to), ENTRY_LENGTH);
        state[(short) (SCRATCH + place - KEPT)] = (byte) ((old < 0 ? (byte) -old : old) - 1);
    }
}
