package ekrona;

import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * All transient memory that the applet makes itself, once; the platform clears it at reset and
 * deselection. Byte budget, of the 4,084 of a P71 (the platform takes some for the digests that run
 * in 11 signature objects and one of its own):
 *
 * <pre>
 * in        1,024   all data of the command, chained or not
 * out         645   response, or the log record under construction with its header
 * state       512   working copy of Nvm.state
 * scratch     228   intermediate results, laid out below
 * session      15   flags and headers that live from command to command
 * words         6   offsets and lengths (3 shorts)
 * AES key      16   in Engines
 * total     2,446
 * </pre>
 */
final class Ram {
    /** Bytes before a log record in out: the header of its slot (Log). */
    static final short RECORD = Log.HEADER_LENGTH;
    private static final short OUT_LENGTH = (short) (Spec.MAX_RESPONSE + RECORD);

    // Layout of scratch.
    /** A signature in DER. */
    static final short DER = 0;
    /** SHA-256 of the current message. */
    static final short IDENTITY = (short) (DER + Der.MAX_LENGTH);
    /** Two numbers of 32 bits. */
    static final short NUMBER = (short) (IDENTITY + Spec.HASH_LENGTH);
    static final short NUMBER_2 = (short) (NUMBER + U32.LENGTH);
    /** PIN blocks in clear: wiped by SecretCommand. */
    static final short SECRET = (short) (NUMBER_2 + U32.LENGTH);
    /** Shared secret and a counter, input of the key derivation: wiped by SecretCommand. */
    static final short AGREED = (short) (SECRET + 4 * Spec.PIN_BLOCK_LENGTH);
    /** A derived key, or a hash of which it is the first half: wiped by SecretCommand. */
    static final short KEY = (short) (AGREED + Spec.HASH_LENGTH + U32.LENGTH);
    /** Subkey and result of the CMAC. */
    static final short MAC = (short) (KEY + Spec.HASH_LENGTH);
    private static final short SCRATCH_LENGTH = (short) (MAC + Spec.MAC_LENGTH);

    // Layout of session.
    /** Class, instruction and parameters of the command, or of the chain that it continues. */
    static final short CLA = 0;
    static final short INS = (short) 1;
    static final short P1 = (short) 2;
    static final short P2 = (short) 3;
    /** Not zero: a chain has begun and its last part has not come yet. */
    static final short CHAINING = (short) 4;
    /** Not zero: GET STATE was answered, records may be read. */
    static final short STATE_ANSWERED = (short) 5;
    /** Counted down by each command: 1 while the challenge is valid, 0 when there is none. */
    static final short CHALLENGE_COUNTDOWN = (short) 6;
    static final short CHALLENGE = (short) 7;
    private static final short SESSION_LENGTH = (short) (CHALLENGE + Spec.CARD_CHALLENGE_LENGTH);

    // Indexes into words.
    static final short IN_LENGTH = 0;
    static final short OUT_OFFSET = (short) 1;
    static final short OUT_LEFT = (short) 2;
    private static final short WORDS = (short) 3;

    final byte[] in;
    final byte[] out;
    final byte[] state;
    final byte[] scratch;
    final byte[] session;
    final short[] words;

    Ram() {
        in = bytes(Spec.MAX_COMMAND);
        out = bytes(OUT_LENGTH);
        state = bytes(Nvm.STATE_LENGTH);
        scratch = bytes(SCRATCH_LENGTH);
        session = bytes(SESSION_LENGTH);
        words = JCSystem.makeTransientShortArray(WORDS, JCSystem.CLEAR_ON_DESELECT);
    }

    private static byte[] bytes(short length) {
        return JCSystem.makeTransientByteArray(length, JCSystem.CLEAR_ON_DESELECT);
    }

    /** Overwrites the command's data with zeros. */
    void wipeCommand() {
        Util.arrayFillNonAtomic(in, (short) 0, words[IN_LENGTH], (byte) 0);
    }

    /**
     * Overwrites with zeros the command's data, PIN blocks, shared secrets, keys and MACs; see
     * Engines.forgetSecrets.
     */
    void wipeSecrets() {
        wipeCommand();
        Util.arrayFillNonAtomic(scratch, SECRET, (short) (SCRATCH_LENGTH - SECRET), (byte) 0);
    }
}
