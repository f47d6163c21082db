package ekrona;

import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * All transient memory that the applet makes itself, once; the platform clears it at reset and
 * deselection. Byte budget, of the 4,084 of a P71, whose small relatives have 2,903. A platform
 * rounds arrays up to 16 bytes, and takes its own for each crypto object:
 *
 * <pre>
 * in          488   all data of the command, chained or not
 * out         467   response, or the log record under construction with its header
 * state       545   working copy of Nvm.state, and the session's authorities
 * scratch     228   intermediate results, laid out below
 * session      19   flags and headers that live from command to command
 * words         6   offsets and lengths (3 shorts)
 * AES key      32   in Engines
 * signatures  384   one signer, two verifiers
 * digest      128   in Engines
 * cipher       48   in Engines
 * total     2,345   2,416 rounded up
 * </pre>
 */
final class Ram {
    /** Bytes before a log record in out: the header of its slot (Log). */
    static final short RECORD = Log.HEADER_LENGTH;
    /** The longest use: the record of a Payment, and behind it what else PAY answers. */
    private static final short OUT_LENGTH = (short) (RECORD + Spec.PAYMENT_LENGTH_MAX
            + PayTransport.PAID_LENGTH - Spec.SIGNATURE_LENGTH);

    // Layout of scratch.
    /** A signature in DER, at the start (Der). */
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
    /** Not zero: the nonce is there and no enciphered PIN has used it up. */
    static final short NONCE_VALID = (short) 6;
    static final short NONCE = (short) 7;
    /** Whose key the authorities' verifier has: a row plus one, or zero (Authorities). */
    static final short VERIFIER = (short) (NONCE + Spec.NONCE_LENGTH);
    /** The role of each authority of the session, by its first place, or zero (Authorities). */
    static final short KEPT_FOR = (short) (VERIFIER + 1);
    /** Which place of the session is taken next. */
    static final short KEPT_NEXT = (short) (KEPT_FOR + Spec.AUTHORITIES_KEPT);
    private static final short SESSION_LENGTH = (short) (KEPT_NEXT + 1);

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
        state = bytes((short) (Nvm.STATE_LENGTH + Authorities.KEPT_LENGTH));
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
