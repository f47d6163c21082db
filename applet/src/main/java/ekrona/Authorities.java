package ekrona;

import javacard.framework.Util;
import javacard.security.ECPublicKey;
import javacard.security.Signature;

/**
 * The public keys of authorities that the card trusts: two roots, four intermediary CAs, a notary
 * and the instruction key of the card's own intermediary. Each has a place in the directory that
 * gives its row; directory and rows, with references and expiry dates, are part of the state block.
 * There is one row more than places: a new key goes to the key object of the free row, which no
 * place refers to, and becomes trusted when the state block is committed. A power cut before that
 * leaves every key as it was; the content of the free row's key object has no meaning.
 *
 * <p>All rows share one verifier, which keeps over resets the key that it was initialised with
 * last, so that a payee of the same CA as before needs no init. Whose key that is stands in the
 * session, and in the state block whenever that is stored. It is erased there before the verifier
 * gets another key, or its key another point: a power cut in between costs an init, and never
 * leaves a verifier that is taken for another authority's.
 */
final class Authorities {
    // Places in the directory. Each holds its row's number plus one, negative while it is empty.
    static final short ROOT = 0;
    static final short PREVIOUS_ROOT = (short) 1;
    static final short CA = Spec.ROOTS_KEPT;
    static final short NOTARY = (short) (CA + Spec.CA_CACHE);
    static final short INSTRUCTION_KEY = (short) (NOTARY + 1);
    private static final short PLACES = (short) (INSTRUCTION_KEY + 1);
    // After the places.
    /** Which CA is replaced next, counted from 0. */
    private static final short NEXT_CA = PLACES;
    /**
     * Place of the card's own CA, which is never replaced; zero before the card has a certificate.
     */
    private static final short OWN_CA = (short) (PLACES + 1);
    /** The row that no place refers to. */
    private static final short FREE_ROW = (short) (PLACES + 2);
    static final short DIRECTORY_LENGTH = (short) (PLACES + 3);

    static final short ROWS = (short) (PLACES + 1);
    // Layout of a row.
    private static final short REFERENCE = 0;
    private static final short EXPIRY = Spec.AUTHORITY_LENGTH;
    static final short ROW_LENGTH = (short) (EXPIRY + Spec.DATE_LENGTH);

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

    /** Begins a session: the verifier has the key that the state block names. */
    void begin() {
        ram.session[Ram.VERIFIER] = nvm.state[Nvm.VERIFIER];
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
                    && Util.arrayCompare(ram.state, reference(place), b, reference,
                            Spec.AUTHORITY_LENGTH) == 0) {
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

    private static short start(short row) {
        return (short) (Nvm.AUTHORITIES + row * ROW_LENGTH);
    }

    /** Offset in the working copy of the reference of a place's authority. */
    short reference(short place) {
        return (short) (start(row(place)) + REFERENCE);
    }

    /** Offset in the working copy of the expiry date of a place's authority. */
    short expiry(short place) {
        return (short) (start(row(place)) + EXPIRY);
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

    /** Place of the card's own CA, 0 before there is one. */
    short ownCA() {
        return ram.state[(short) (Nvm.DIRECTORY + OWN_CA)];
    }

    void setOwnCA(short place) {
        ram.state[(short) (Nvm.DIRECTORY + OWN_CA)] = (byte) place;
    }

    /**
     * Fills the free row with key, reference and expiry date. Returns false when the point is
     * refused. The key is written at once, before the commit, since the content of the free row has
     * no meaning.
     */
    boolean fill(byte[] b, short point, short reference, byte[] c, short expiry) {
        short row = ram.state[(short) (Nvm.DIRECTORY + FREE_ROW)];
        if (ram.session[Ram.VERIFIER] == (byte) (row + 1)) {
            forgetVerifier();
        }
        if (!Engines.set(keys[row], b, point)) {
            return false;
        }
        short start = start(row);
        Util.arrayCopyNonAtomic(b, reference, ram.state, (short) (start + REFERENCE),
                Spec.AUTHORITY_LENGTH);
        Util.arrayCopyNonAtomic(c, expiry, ram.state, (short) (start + EXPIRY), Spec.DATE_LENGTH);
        return true;
    }

    /**
     * Makes a place refer to the row that was filled, in the working copy; its old row becomes the
     * free one.
     */
    void assign(short place) {
        byte[] state = ram.state;
        byte old = state[(short) (Nvm.DIRECTORY + place)];
        state[(short) (Nvm.DIRECTORY + place)] =
                (byte) (state[(short) (Nvm.DIRECTORY + FREE_ROW)] + 1);
        state[(short) (Nvm.DIRECTORY + FREE_ROW)] = (byte) ((old < 0 ? (byte) -old : old) - 1);
    }

    /**
     * Makes the row that was filled the current root; the current root becomes the previous one.
     */
    void assignRoot() {
        byte[] state = ram.state;
        byte current = state[(short) (Nvm.DIRECTORY + ROOT)];
        state[(short) (Nvm.DIRECTORY + ROOT)] = state[(short) (Nvm.DIRECTORY + PREVIOUS_ROOT)];
        state[(short) (Nvm.DIRECTORY + PREVIOUS_ROOT)] = current;
        assign(ROOT);
    }
}
