package ekrona;

import javacard.framework.Util;
import javacard.security.ECPublicKey;
import javacard.security.Signature;

/**
 * The keys above the devices that the card knows: two roots, four intermediary CAs, a notary and the own intermediary's instruction
 * key. Each has a place in the directory that says in which row it is; directory and rows, with references and last days, are part of the
 * state block. There is one row more than places: a new key goes to the key object of a row that no place refers to, and becomes
 * known when the state block is committed. A power cut before that leaves every key as it was; what the free row's object holds
 * means nothing.
 *
 * <p>Each row has a verifier that stays initialised with its key: a tap then does without an init, which takes a P71 a quarter of a
 * verification.
 */
final class Authorities {
    // Places in the directory. Each names a row, by its number and one: negative while the place is empty.
    static final short ROOT = 0;
    static final short PREVIOUS_ROOT = (short) 1;
    static final short CA = Spec.ROOTS_KEPT;
    static final short NOTARY = (short) (CA + Spec.CA_CACHE);
    static final short INSTRUCTION_KEY = (short) (NOTARY + 1);
    private static final short PLACES = (short) (INSTRUCTION_KEY + 1);
    // Behind the places.
    /** Which CA is pushed out next, counted from 0. */
    private static final short NEXT_CA = PLACES;
    /** Place of the own CA, which is never pushed out; zero before there is an own certificate. */
    private static final short OWN_CA = (short) (PLACES + 1);
    /** The row that no place names. */
    private static final short FREE_ROW = (short) (PLACES + 2);
    static final short DIRECTORY_LENGTH = (short) (PLACES + 3);

    static final short ROWS = (short) (PLACES + 1);
    // Layout of a row.
    private static final short REFERENCE = 0;
    private static final short EXPIRY = Spec.AUTHORITY_LENGTH;
    static final short ROW_LENGTH = (short) (EXPIRY + Spec.DATE_LENGTH);

    private final Ram ram;
    private final Engines engines;
    private final ECPublicKey[] keys;
    private final Signature[] verifiers;

    Authorities(Ram ram, Engines engines) {
        this.ram = ram;
        this.engines = engines;
        keys = new ECPublicKey[ROWS];
        verifiers = new Signature[ROWS];
        for (short row = 0; row < ROWS; row++) {
            keys[row] = Curve.newPublicKey();
            verifiers[row] = Engines.newVerifier();
        }
    }

    /** Writes the directory of a new card: every place is empty. */
    static void clearDirectory(byte[] state) {
        for (short place = 0; place < PLACES; place++) {
            state[(short) (Nvm.DIRECTORY + place)] = (byte) (-1 - place);
        }
        state[(short) (Nvm.DIRECTORY + FREE_ROW)] = (byte) PLACES;
    }

    /** Place with this reference among count places from first on, or -1. */
    short find(short first, short count, byte[] b, short reference) {
        for (short place = first; place < (short) (first + count); place++) {
            if (isKnown(place)
                    && Util.arrayCompare(ram.state, reference(place), b, reference, Spec.AUTHORITY_LENGTH) == 0) {
                return place;
            }
        }
        return (short) -1;
    }

    boolean isKnown(short place) {
        return ram.state[(short) (Nvm.DIRECTORY + place)] > 0;
    }

    private short row(short place) {
        return (short) (ram.state[(short) (Nvm.DIRECTORY + place)] - 1);
    }

    /** Tells whether the plain signature at signature is by what a place holds, over the bytes at offset; all in ram.in. */
    boolean verify(short place, short offset, short length, short signature) {
        return engines.verify(verifiers[row(place)], ram.in, offset, length, signature);
    }

    private static short start(short row) {
        return (short) (Nvm.AUTHORITIES + row * ROW_LENGTH);
    }

    /** Offset in the working copy of the reference of what a place holds. */
    short reference(short place) {
        return (short) (start(row(place)) + REFERENCE);
    }

    /** Offset in the working copy of the last day of what a place holds. */
    short expiry(short place) {
        return (short) (start(row(place)) + EXPIRY);
    }

    boolean isExpired(short place) {
        return isExpired(ram.state, expiry(place));
    }

    /** Whether a last day is before the card's date. Dates are digits, so they compare whatever the platform takes for a sign. */
    boolean isExpired(byte[] b, short expiry) {
        return Util.arrayCompare(b, expiry, ram.state, Nvm.DATE, Spec.DATE_LENGTH) < 0;
    }

    /** The place for a new CA: the next in turn, which is an empty one while there is any, save that of the own CA. */
    short placeForCA() {
        byte[] state = ram.state;
        if (state[(short) (Nvm.DIRECTORY + NEXT_CA)] == (byte) (ownCA() - CA)) {
            advanceNextCA(state);
        }
        short place = (short) (CA + state[(short) (Nvm.DIRECTORY + NEXT_CA)]);
        advanceNextCA(state);
        return place;
    }

    private static void advanceNextCA(byte[] state) {
        byte next = (byte) (state[(short) (Nvm.DIRECTORY + NEXT_CA)] + 1);
        state[(short) (Nvm.DIRECTORY + NEXT_CA)] = next == (byte) Spec.CA_CACHE ? 0 : next;
    }

    /** Place of the own CA, 0 before there is one. */
    short ownCA() {
        return ram.state[(short) (Nvm.DIRECTORY + OWN_CA)];
    }

    void setOwnCA(short place) {
        ram.state[(short) (Nvm.DIRECTORY + OWN_CA)] = (byte) place;
    }

    /**
     * Fills the free row: key, reference and last day. False when the point is refused.
     * The key is written at once, before the commit: what is in the free row means nothing.
     */
    boolean fill(byte[] b, short point, short reference, byte[] c, short expiry) {
        short row = ram.state[(short) (Nvm.DIRECTORY + FREE_ROW)];
        if (!Engines.set(keys[row], b, point) || !Engines.init(verifiers[row], keys[row])) {
            return false;
        }
        short start = start(row);
        Util.arrayCopyNonAtomic(b, reference, ram.state, (short) (start + REFERENCE), Spec.AUTHORITY_LENGTH);
        Util.arrayCopyNonAtomic(c, expiry, ram.state, (short) (start + EXPIRY), Spec.DATE_LENGTH);
        return true;
    }

    /** Makes a place name the row that was filled, in the working copy; the row that it named is the free one then. */
    void assign(short place) {
        byte[] state = ram.state;
        byte old = state[(short) (Nvm.DIRECTORY + place)];
        state[(short) (Nvm.DIRECTORY + place)] = (byte) (state[(short) (Nvm.DIRECTORY + FREE_ROW)] + 1);
        state[(short) (Nvm.DIRECTORY + FREE_ROW)] = (byte) ((old < 0 ? (byte) -old : old) - 1);
    }

    /** A new root: the current one becomes the previous. */
    void assignRoot() {
        byte[] state = ram.state;
        byte current = state[(short) (Nvm.DIRECTORY + ROOT)];
        state[(short) (Nvm.DIRECTORY + ROOT)] = state[(short) (Nvm.DIRECTORY + PREVIOUS_ROOT)];
        state[(short) (Nvm.DIRECTORY + PREVIOUS_ROOT)] = current;
        assign(ROOT);
    }
}
