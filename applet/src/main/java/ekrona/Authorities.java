package ekrona;

import javacard.framework.Util;
import javacard.security.ECPublicKey;
import javacard.security.Signature;

/**
 * The public keys of authorities. Nine places are stored: two roots, four intermediary CAs, a
 * notary, the instruction key of the card's own intermediary and the crisis key. Two more are kept
 * for the session (AUTHORITIES_KEPT): what somebody has presented. Such a key verifies beside the
 * stored ones, and is stored by the payment, or the Instruction, that it verified; so nobody leaves
 * a mark on the card by certificates alone, but by the newest crisis key's.
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
    static final short CRISIS = (short) (INSTRUCTION_KEY + 1);
    private static final short PLACES = (short) (CRISIS + 1);
    /** The first place of the session. */
    private static final short KEPT = PLACES;
    static final short ROWS = (short) (PLACES + Spec.AUTHORITIES_KEPT);

    // Layout of an entry.
    /** Row plus one; negative while the place is empty, zero in an empty place of the session. */
    private static final short ROW = 0;
    private static final short REFERENCE = (short) 1;
    private static final short EXPIRY = (short) (REFERENCE + Spec.AUTHORITY_LENGTH);
    private static final short ENTRY_LENGTH = (short) (EXPIRY + Spec.DATE_LENGTH);
    private static final short FIRST_EXPIRY = (short) (Nvm.AUTHORITIES + EXPIRY);
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
    private final Guard guard;
    private final Engines engines;
    private final ECPublicKey[] keys;
    private final Signature verifier;

    Authorities(Ram ram, Nvm nvm, Guard guard, Engines engines) {
        this.ram = ram;
        this.nvm = nvm;
        this.guard = guard;
        this.engines = engines;
        keys = new ECPublicKey[ROWS];
        for (short row = 0; row < ROWS; row++) {
            keys[row] = Curve.newPublicKey();
        }
        verifier = Engines.newVerifier();
    }

    /** Makes all keys those of the curve. */
    void complete() {
        for (short row = 0; row < ROWS; row++) {
            Curve.setParameters(keys[row]);
        }
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
        byte wanted = ram.state[entry(place)];
        short row = (short) (wanted - 1);
        short fact = guard.next();
        if (fact < Guard.SECOND) {
            if (ram.session[Ram.VERIFIER] != wanted) {
                initVerifier(row, wanted);
            }
            if (ram.session[Ram.VERIFIER] != wanted) {
                return false;
            }
        }
        return engines.verify(fact, verifier, keys[row], wanted, offset, length, signature);
    }

    /** Initialises the verifier with the key of a row. */
    private void initVerifier(short row, byte wanted) {
        forgetVerifier();
        if (Engines.init(verifier, keys[row])) {
            ram.session[Ram.VERIFIER] = wanted;
        }
    }

    private void forgetVerifier() {
        ram.session[Ram.VERIFIER] = 0;
        if (nvm.state[Nvm.VERIFIER] != 0) {
            nvm.state[Nvm.VERIFIER] = 0;
        }
    }

    /** Reports whether the key of a place is this point of ram.in. Writes over ram.out. */
    boolean hasPoint(short place, short point) {
        return engines.isPoint(keys[row(place)], point);
    }

    /** Offset in the working copy of the reference of a place's authority. */
    short reference(short place) {
        return (short) (entry(place) + REFERENCE);
    }

    /** Offset in the working copy of the expiry date of a place's authority. */
    short expiry(short place) {
        return (short) (FIRST_EXPIRY + place * ENTRY_LENGTH);
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
     * Writes a key to the scratch row of the next turn, from one that nobody can foretell; among
     * the checks, since the point can be refused.
     *
     * @return false when it is
     */
    boolean setKey(short point) {
        short row = ram.state[(short) (SCRATCH + turn())];
        // The verifier has the key of the root that certified it, or none: never this row's.
        if (engines.set(keys[row], (byte) (row + 1), point)) {
            return true;
        }
        forget(keptPlace());
        return false;
    }

    /** The place of the session whose turn it is. */
    short keptPlace() {
        return (short) (KEPT + turn());
    }

    private short turn() {
        return (short) (ram.session[Ram.KEPT_NEXT] & 1);
    }

    /**
     * Keeps an authority, whose key setKey has written, for the session, for the role whose places
     * begin with first.
     *
     * @return its place
     */
    short keep(short first, byte[] b, short reference, byte[] c, short expiry) {
        short turn = turn();
        short place = keptPlace();
        short entry = entry(place);
        ram.state[entry] = (byte) (ram.state[(short) (SCRATCH + turn)] + 1);
        Util.arrayCopyNonAtomic(b, reference, ram.state, (short) (entry + REFERENCE),
                Spec.AUTHORITY_LENGTH);
        Util.arrayCopyNonAtomic(c, expiry, ram.state, (short) (entry + EXPIRY), Spec.DATE_LENGTH);
        ram.session[(short) (Ram.KEPT_FOR + turn)] = (byte) first;
        return place;
    }

    /** Passes the turn on, after keep, and forgets the place of the session that it renews. */
    void endTurn(short renewed) {
        if (renewed != keptPlace()) {
            forget(renewed);
        }
        endTurn();
    }

    /** Passes the turn on. */
    void endTurn() {
        ram.session[Ram.KEPT_NEXT] = (byte) (turn() ^ 1);
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
     * renews, or of the next in turn; notary, instruction key and crisis key instead of the former
     * one. A stored one stays where it is. The session forgets it afterwards (forgetStored).
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
        return to;
    }

    /**
     * Forgets a place of the session that store has stored, and every other for its role, none of
     * which may replace it any more.
     */
    void forgetStored(short place) {
        if (place < KEPT) {
            return;
        }
        short first = ram.session[(short) (Ram.KEPT_FOR + place - KEPT)];
        ram.session[Ram.KEPT_NEXT] = (byte) (place - KEPT); // free again
        for (short other = KEPT; other < ROWS; other++) {
            if (ram.session[(short) (Ram.KEPT_FOR + other - KEPT)] == first) {
                forget(other);
            }
        }
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
    }

    /** Forgets whatever the session has: a former root may have certified it. */
    void forgetAll() {
        for (short other = KEPT; other < ROWS; other++) {
            forget(other);
        }
    }

    /**
     * Moves a session's entry to a stored place, whose row becomes the scratch row. Who was
     * certified by the authorities that were stored until now is verified again.
     */
    private void move(short place, short to) {
        byte[] state = ram.state;
        byte old = state[entry(to)];
        guard.require(old != state[entry(place)]);
        Util.arrayCopyNonAtomic(state, entry(place), state, entry(to), ENTRY_LENGTH);
        state[(short) (SCRATCH + place - KEPT)] = (byte) ((old < 0 ? (byte) -old : old) - 1);
        Payees.forget(state);
    }
}
