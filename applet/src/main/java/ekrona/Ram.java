package ekrona;

import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * All transient memory that the applet makes itself, once; the platform clears it at reset and
 * deselection. Byte budget, of the 4,084 of a P71, whose small relatives have 2,903. A platform
 * rounds arrays up to 16 bytes, and takes its own for each crypto object:
 *
 * <pre>
 * in          515   all data of the command, chained or not
 * out         560   response, or the log record under construction with its header, or what a
 *                   MAC of secure messaging is over; before that what the state will be, and the
 *                   first of two versions of an answer
 * state       411   working copy of Nvm.state, and the session's authorities
 * scratch     286   intermediate results, laid out below
 * session      59   flags, headers and keys that live from command to command
 * words        16   offsets and lengths (8 shorts)
 * facts         6   what engines have found (Guard)
 * AES keys     32   in Engines
 * signatures  384   one signer, two verifiers
 * digest      128   in Engines
 * ciphers      96   in Engines
 * total     2,493   2,528 rounded up
 * </pre>
 */
final class Ram {
    /** Bytes before a log record in out: the header of its slot (Log). */
    static final short RECORD = Log.HEADER_LENGTH;
    /**
     * The longest use: what the MAC of the longest command under secure messaging is over, counter
     * and header, a block each, and its data objects, padded.
     */
    static final short OUT_LENGTH =
            (short) (3 * Spec.IV_LENGTH + Spec.MAX_COMMAND / Spec.IV_LENGTH * Spec.IV_LENGTH);

    // Layout of scratch.
    /** A signature in DER, at the start (Der). */
    static final short DER = 0;
    /** SHA-256 of the current message. */
    static final short IDENTITY = (short) (DER + Der.MAX_LENGTH);
    /** Two numbers of 32 bits. */
    static final short NUMBER = (short) (IDENTITY + Spec.HASH_LENGTH);
    static final short NUMBER_2 = (short) (NUMBER + U32.LENGTH);
    /** The batch that is enciphered with the PIN block of a PAY (PayTransport). */
    static final short BATCH = (short) (NUMBER_2 + U32.LENGTH);
    /** PIN blocks in clear, each in half of a place of 16 bytes. */
    static final short SECRET = (short) (BATCH + Spec.DEVICE_ID_LENGTH);
    static final short SECRET_2 = (short) (SECRET + 2 * Spec.PIN_BLOCK_LENGTH);
    /** Shared secret and a counter, input of the key derivation, or a head of the log. */
    static final short AGREED = (short) (SECRET + 4 * Spec.PIN_BLOCK_LENGTH);
    /** A derived key, or a hash of which it is the first half. */
    static final short KEY = (short) (AGREED + Spec.HASH_LENGTH + U32.LENGTH);
    /** Subkey and result of the CMAC. */
    static final short MAC = (short) (KEY + Spec.HASH_LENGTH);
    /** What each fact is about, zero for none (Guard). */
    static final short MARKS = (short) (MAC + Spec.MAC_LENGTH);
    /** What the checks have found, a short each; then the same of the first pass (Guard). */
    static final short FOUND = (short) (MARKS + Guard.FACTS);
    /** What the checks decided to do: one of the command's plans. */
    static final short PLAN = FOUND;
    /** A slot of the log, or -1. */
    static final short SLOT = (short) (FOUND + 2);
    /** A place among the authorities. */
    static final short PLACE = (short) (FOUND + 4);
    static final short PLACE_2 = (short) (FOUND + 6);
    /** A place where something is known already, or -1. */
    static final short KNOWN = (short) (FOUND + 8);
    /** An entry of the open requests. */
    static final short ENTRY = (short) (FOUND + 10);
    /** Where something ends in the command's data. */
    static final short END = (short) (FOUND + 12);
    /** Where a certificate's content begins there. */
    static final short CERTIFICATE = (short) (FOUND + 14);
    /** The status word of a refusal that is not given in clear. */
    static final short REASON = (short) (FOUND + 16);
    static final short FOUND_LENGTH = (short) 18;
    static final short FOUND_FIRST = (short) (FOUND + FOUND_LENGTH);
    private static final short SCRATCH_LENGTH = (short) (FOUND_FIRST + FOUND_LENGTH);

    // Layout of session.
    /** Class, instruction and parameters of the command, or of the chain that it continues. */
    static final short CLA = 0;
    static final short INS = (short) 1;
    static final short P1 = (short) 2;
    static final short P2 = (short) 3;
    /** Not zero: a chain has begun and its last part has not come yet. */
    static final short CHAINING = (short) 4;
    /** YES: GET STATE was answered, records may be read. */
    static final short STATE_ANSWERED = (short) 5;
    /** Whether the nonce is there and nothing has used it up (Nonce). */
    static final short NONCE_VALID = (short) 6;
    static final short NONCE = (short) 7;
    /** Whose key the authorities' verifier has: a row plus one, or zero (Authorities). */
    static final short VERIFIER = (short) (NONCE + Spec.NONCE_LENGTH);
    /** The role of each authority of the session, by its first place, or zero (Authorities). */
    static final short KEPT_FOR = (short) (VERIFIER + 1);
    /** Which place of the session is taken next. */
    static final short KEPT_NEXT = (short) (KEPT_FOR + Spec.AUTHORITIES_KEPT);
    /** YES: secure messaging is open (SecureMessaging). */
    static final short SECURED = (short) (KEPT_NEXT + 1);
    /** YES: the command at hand has come under it. */
    static final short BY_PHONE = (short) (SECURED + 1);
    /** YES: an attack was found, the card says no more (Guard). */
    static final short MUTED = (short) (BY_PHONE + 1);
    /** YES: VERIFY has ended with the right PIN, and nothing has used that up (Pins). */
    static final short VERIFIED = (short) (MUTED + 1);
    static final short SECURED_COUNTER = (short) (VERIFIED + 1);
    /** Its key for cryptograms, and that for MACs, which its subkey overwrites (Cmac). */
    static final short SECURED_KEYS = (short) (SECURED_COUNTER + U32.LENGTH);
    static final short SECURED_SUBKEY = (short) (SECURED_KEYS + Spec.PAIR_KEY_LENGTH);
    private static final short SESSION_LENGTH =
            (short) (SECURED_SUBKEY + Spec.PAIR_KEY_LENGTH);

    // Indexes into words.
    static final short IN_LENGTH = 0;
    static final short OUT_OFFSET = (short) 1;
    static final short OUT_LEFT = (short) 2;
    /** Which pass of the checks it is (Guard). */
    static final short PASS = (short) 3;
    /** How many facts the pass has asked for. */
    static final short FACT = (short) 4;
    // What was composed in out.
    static final short BODY = (short) 5;
    static final short BODY_END = (short) 6;
    /** Where the signature of it ends, marked, or zero (Guard). */
    static final short SIGNED = (short) 7;
    private static final short WORDS = (short) 8;

    /** The value of a flag that is set: one bit, or eight, do not make it of another. */
    static final byte YES = (byte) 0x5A;

    final byte[] in;
    final byte[] out;
    final byte[] state;
    final byte[] scratch;
    final byte[] session;
    final short[] words;
    final boolean[] facts;

    Ram() {
        in = bytes(Spec.MAX_COMMAND);
        out = bytes(OUT_LENGTH);
        state = bytes((short) (Nvm.STATE_LENGTH + Authorities.KEPT_LENGTH));
        scratch = bytes(SCRATCH_LENGTH);
        session = bytes(SESSION_LENGTH);
        words = JCSystem.makeTransientShortArray(WORDS, JCSystem.CLEAR_ON_DESELECT);
        facts = JCSystem.makeTransientBooleanArray(Guard.FACTS, JCSystem.CLEAR_ON_DESELECT);
    }

    private static byte[] bytes(short length) {
        return JCSystem.makeTransientByteArray(length, JCSystem.CLEAR_ON_DESELECT);
    }

    /** Overwrites the command's data with zeros. */
    void wipeCommand() {
        Util.arrayFillNonAtomic(in, (short) 0, words[IN_LENGTH], (byte) 0);
    }

    /** Overwrites the intermediate results with zeros. */
    void wipeScratch() {
        Util.arrayFillNonAtomic(scratch, (short) 0, SCRATCH_LENGTH, (byte) 0);
    }

    /** Overwrites out with zeros. */
    void wipeOut() {
        Util.arrayFillNonAtomic(out, (short) 0, OUT_LENGTH, (byte) 0);
    }
}
