package ekrona;

import javacard.framework.Util;

/**
 * All persistent data of the applet that is not a key or a PIN, made once. Byte budget, of the
 * 139,360 of a P71:
 *
 * <pre>
 * state           371   all that commands change, one block
 * log          57,472   slots of 449 bytes, here 128 of them, a ring (Log)
 * requests        716   the messages of the open requests, and their identities (OpenRequests)
 * confirmation    147   the answer to the last Instruction
 * certificate     240   the card's own certificate
 * batch           240   the certificate of the batch key, and before it only its point
 * order           372   the crisis order that the card holds
 * crisis          237   the certificate of the crisis key
 * payees          676   what CAs have signed of payees paid lately (Payees)
 * identity         66   device id, role, currency, ceilings, root anchor
 * token            16   personalization token, zeros after activation
 * pair             16   key of card and paired phone, zeros while there is none
 * attacks           2   how many were found, and how many block the card
 * total        60,571   and besides 17 EC keys, 2 PINs, and what a platform takes for each array
 * </pre>
 *
 * <p>A command reads the state from a working copy in RAM, changes that copy, and writes it back
 * whole by one arrayCopy in a transaction: few large writes are cheap on a card, many small ones
 * are not. A power cut before the commit leaves the old block, and so does a copy that is found to
 * be wrong. What else the command writes goes to a free place just before, which only the new block
 * names, or else is in the same transaction.
 */
final class Nvm {
    // Layout of state.
    /** Life-cycle state: a card is not active with what is not there, a zero or a one. */
    static final short LIFE = 0;
    /**
     * Identity of the last Instruction, zeros before the first. It comes early: what a fault writes
     * to a low place of another array than it should is then seen by whoever instructs the card,
     * and is neither money nor a limit.
     */
    static final short INSTRUCTION = (short) (LIFE + 1);
    static final short BALANCE = (short) (INSTRUCTION + Spec.HASH_LENGTH);
    /** Number of log records ever written. */
    static final short ATC = (short) (BALANCE + U32.LENGTH);
    /** Highest record that the notary acknowledged; those up to it are dropped. */
    static final short ACKED_ATC = (short) (ATC + U32.LENGTH);
    /** Head of the hash chain at ACKED_ATC. */
    static final short ACKED_HEAD = (short) (ACKED_ATC + U32.LENGTH);
    /** Number of the last Instruction applied. */
    static final short SEQUENCE = (short) (ACKED_HEAD + Spec.HASH_LENGTH);
    /** What became of its credit. */
    static final short CREDIT = (short) (SEQUENCE + U32.LENGTH);
    static final short POLICY = (short) (CREDIT + 1);
    /** Highest request number given out. */
    static final short REQUEST_NUMBER = (short) (POLICY + Spec.POLICY_LENGTH);
    /** The date floor: the highest date that an Instruction gave. */
    static final short DATE = (short) (REQUEST_NUMBER + U32.LENGTH);
    /** YES: an Instruction's reset of the tries is pending (Pins). */
    static final short TRY_RESET_PENDING = (short) (DATE + Spec.DATE_LENGTH);
    /** YES: the card's own certificate is stored. */
    static final short CERTIFIED = (short) (TRY_RESET_PENDING + 1);
    /** How far the batch key is there: BATCH_NONE, BATCH_LOADED or BATCH_CERTIFIED. */
    static final short BATCH = (short) (CERTIFIED + 1);
    /** YES: PIN and PUK are set. */
    static final short PIN_SET = (short) (BATCH + 1);
    /** Whose key the authorities' verifier has: a row plus one, or zero (Authorities). */
    static final short VERIFIER = (short) (PIN_SET + 1);
    /** Turns and rows of the authorities (Authorities). */
    static final short DIRECTORY = (short) (VERIFIER + 1);
    /** Running totals at ATC (Log). */
    static final short TOTALS = (short) (DIRECTORY + Authorities.DIRECTORY_LENGTH);
    /** Running totals at ACKED_ATC. */
    static final short ACKED_TOTALS = (short) (TOTALS + Log.TOTALS_LENGTH);
    /** Slot of the next record (Log). */
    static final short NEXT_SLOT = (short) (ACKED_TOTALS + Log.TOTALS_LENGTH);
    /** Number up to which crisis orders are of no use to this card (StoredOrder). */
    static final short ORDER_NUMBER = (short) (NEXT_SLOT + 1);
    /** The same without the one that it holds: one below the lowest that it takes. */
    static final short ORDER_FLOOR = (short) (ORDER_NUMBER + U32.LENGTH);
    /** Bytes of the crisis order that it holds, zero for none. */
    static final short ORDER_LENGTH = (short) (ORDER_FLOOR + U32.LENGTH);
    /** The group of the card's owner, zero for none. */
    static final short GROUP = (short) (ORDER_LENGTH + 2);
    /** How many payees are kept, and where the next one goes (Payees). */
    static final short PAYEES = (short) (GROUP + 1);
    static final short NEXT_PAYEE = (short) (PAYEES + 1);
    /** The payee whose key the verifier of messages has: a place plus one, or zero (Engines). */
    static final short KEPT_PEER = (short) (NEXT_PAYEE + 1);
    /** Number of open requests, and one entry for each, oldest first (OpenRequests). */
    static final short OPEN_COUNT = (short) (KEPT_PEER + 1);
    static final short OPEN = (short) (OPEN_COUNT + 1);
    /** The authorities; last, since the session's follow them in the working copy. */
    static final short AUTHORITIES =
            (short) (OPEN + Spec.MAX_OPEN_REQUESTS * OpenRequests.ENTRY_LENGTH);
    static final short STATE_LENGTH = (short) (AUTHORITIES + Authorities.STORED_LENGTH);

    // How far the batch key is there.
    static final byte BATCH_NONE = 0;
    /** Key and point are stored. */
    static final byte BATCH_LOADED = (byte) 0x35;
    /** And the certificate. */
    static final byte BATCH_CERTIFIED = (byte) 0x5C;

    // Layout of batch.
    private static final short BATCH_CONTENT = (short) (Spec.DEVICE_CERTIFICATE_LENGTH
            - Spec.DEVICE_CERTIFICATE_CONTENT_LENGTH);
    static final short BATCH_POINT =
            (short) (BATCH_CONTENT + Spec.DEVICE_CERTIFICATE_OFFSET_POINT);
    static final short BATCH_HOLDER =
            (short) (BATCH_CONTENT + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER);

    // Layout of identity: written at install, never again.
    static final short DEVICE = 0;
    static final short ROLE = (short) (DEVICE + Spec.DEVICE_ID_LENGTH);
    static final short CURRENCY = (short) (ROLE + 1);
    /** Before the ceilings, so that each has the place of the same limit in a policy. */
    static final short CEILINGS = (short) (CURRENCY + 2 - Spec.POLICY_OFFSET_MAX_BALANCE);
    static final short ROOT_ANCHOR = (short) (CEILINGS + Spec.POLICY_LENGTH);
    private static final short IDENTITY_LENGTH = (short) (ROOT_ANCHOR + Spec.HASH_LENGTH);

    // Layout of attacks: how many were found, and how many block the card, zero for never.
    static final short ATTACKS_FOUND = 0;
    static final short MAX_ATTACKS = (short) 1;
    private static final short ATTACKS_LENGTH = (short) 2;

    final byte[] state;
    /** A byte array for each slot of the log: more than one array could hold. */
    final Object[] log;
    final byte[] requests;
    final byte[] confirmation;
    final byte[] certificate;
    final byte[] batch;
    final byte[] order;
    final byte[] crisisCertificate;
    final byte[] payees;
    final byte[] identity;
    final byte[] token;
    final byte[] pair;
    final byte[] attacks;

    private final Ram ram;
    /** Ram.state: a card takes 10 us for each field that it reads. */
    private final byte[] copy;

    Nvm(Ram ram, short slots) {
        this.ram = ram;
        copy = ram.state;
        state = new byte[STATE_LENGTH];
        log = new Object[slots];
        requests = new byte[(short) (Spec.MAX_OPEN_REQUESTS * OpenRequests.PLACE_LENGTH)];
        confirmation = new byte[Spec.CONFIRMATION_LENGTH];
        certificate = new byte[Spec.DEVICE_CERTIFICATE_LENGTH];
        batch = new byte[Spec.DEVICE_CERTIFICATE_LENGTH];
        order = new byte[Spec.CRISIS_ORDER_LENGTH_MAX];
        crisisCertificate = new byte[Spec.AUTHORITY_CERTIFICATE_LENGTH];
        payees = new byte[Payees.PLACES_LENGTH];
        identity = new byte[IDENTITY_LENGTH];
        token = new byte[Spec.TOKEN_LENGTH];
        pair = new byte[Spec.PAIR_KEY_LENGTH];
        attacks = new byte[ATTACKS_LENGTH];
    }

    /** Makes the slots of the log that are not there yet. */
    void complete() {
        for (short i = 0; i < (short) log.length; i++) {
            if (log[i] == null) {
                log[i] = new byte[Log.SLOT_LENGTH];
            }
        }
    }

    /** Reads the working copy, which discards what a check or a refused command left in it. */
    void load() {
        Util.arrayCopyNonAtomic(state, (short) 0, copy, (short) 0, STATE_LENGTH);
    }

    /** Writes the working copy back; inside a transaction. */
    void store() {
        Util.arrayCopy(copy, (short) 0, state, (short) 0, STATE_LENGTH);
    }

    /** Reports whether the state block and its working copy differ. */
    boolean isChanged() {
        return Util.arrayCompare(copy, (short) 0, state, (short) 0, STATE_LENGTH) != 0;
    }

    /** Reports whether they are the same. */
    boolean isAsComputed() {
        return Util.arrayCompare(state, (short) 0, copy, (short) 0, STATE_LENGTH) == 0;
    }

    /** Counts an attack; at the limit, and from then on, each of them blocks an active card. */
    void countAttack() {
        byte count = attacks[ATTACKS_FOUND];
        if (count != Spec.MOST_ATTACKS) {
            count++;
            attacks[ATTACKS_FOUND] = count;
        }
        byte most = attacks[MAX_ATTACKS];
        if (most != 0 && count >= most && state[LIFE] == Spec.LIFE_ACTIVE) {
            state[LIFE] = Spec.LIFE_BLOCKED;
        }
    }

    /** Reports whether a phone is paired with the card: no key is zeros. */
    boolean isPaired() {
        return !Engines.isZero(pair, (short) 0, Spec.PAIR_KEY_LENGTH);
    }

    /** Forgets the pair key; inside the transaction of the command. */
    void unpair() {
        Util.arrayFillNonAtomic(ram.scratch, Ram.MAC, Spec.PAIR_KEY_LENGTH, (byte) 0);
        Util.arrayCopy(ram.scratch, Ram.MAC, pair, (short) 0, Spec.PAIR_KEY_LENGTH);
        ram.session[Ram.BY_PHONE] = 0; // secure messaging ends with this command
    }
}
