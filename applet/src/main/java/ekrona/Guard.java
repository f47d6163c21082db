package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * What makes one fault in a command's way useless: the checks of a command are made twice, and must
 * come to the same (Command). A check decides from what it is given, changes nothing that it reads,
 * and so is free to be repeated. What costs time, or has an effect, is done in the first pass only:
 * its outcome is a fact, kept as the engine gave it and under a mark of what it is about, and both
 * passes decide by it. Who passes over a check, or over the engine, meets the other pass.
 *
 * <p>Where two looks at the same thing disagree there was no mistake of a sender, but an attack, or
 * a card that is broken: it is counted, and the card is silent until it is selected again.
 */
final class Guard {
    /** Most facts of a command. */
    static final short FACTS = (short) 6;

    // The passes: far apart, so that no wrong byte makes one of another.
    private static final short FIRST = (short) 0x5AC3;
    private static final short AGAIN = (short) 0x3596;
    /** Of a command that was not carried out yet. */
    private static final short EXPECTED = (short) 0x6C39;

    // What each step adds to the pass, so that the sum is there only if none was left out.
    static final short APPLIED = (short) 0x1111;
    static final short COMPOSED = (short) 0x0222;
    static final short COMMITTED = (short) 0x2444;
    static final short LOOKED_AT = (short) 0x4088;
    static final short TO_COMMIT = (short) (AGAIN + APPLIED + COMPOSED);
    static final short ALL = (short) (TO_COMMIT + COMMITTED + LOOKED_AT);

    /** What a signature's end is marked with. */
    private static final short SIGNED = (short) 0x5A36;

    /** What the numbers of facts begin with in the second pass, and which bits say which it is. */
    static final short SECOND = (short) 0x40;
    private static final short NUMBER = (short) 7;

    private final Ram ram;
    private final Nvm nvm;
    private final short[] words;
    private final boolean[] facts;
    private final byte[] scratch;

    Guard(Ram ram, Nvm nvm) {
        this.ram = ram;
        this.nvm = nvm;
        words = ram.words;
        facts = ram.facts;
        scratch = ram.scratch;
    }

    /** Begins the first pass, without any fact. */
    void begin() {
        ram.wipeScratch();
        words[Ram.FACT] = 0;
        words[Ram.SIGNED] = 0;
        words[Ram.PASS] = FIRST;
    }

    /** Begins the second pass, from the first; what that has found is kept. */
    void repeat() {
        Util.arrayCopyNonAtomic(scratch, Ram.FOUND, scratch, Ram.FOUND_FIRST, Ram.FOUND_LENGTH);
        words[Ram.FACT] = SECOND;
        words[Ram.PASS] += (short) (AGAIN - FIRST);
    }

    /** Goes on to the next step. */
    void step(short by) {
        words[Ram.PASS] += by;
    }

    /** Requires that every step was taken, once, up to one of the sums. */
    void requireSteps(short sum) {
        if (words[Ram.PASS] != sum) {
            alarm();
            alarm();
        }
    }

    /** Says that what was composed is signed, and where the signature ends. */
    void signed(short end) {
        words[Ram.BODY_END] = end;
        words[Ram.SIGNED] = (short) (end ^ SIGNED);
    }

    /** Requires that what was composed is signed. */
    void requireSigned() {
        if ((short) (words[Ram.BODY_END] ^ SIGNED) != words[Ram.SIGNED]) {
            alarm();
            alarm();
        }
    }

    void end() {
        words[Ram.PASS] = 0;
    }

    /** Says that a command must now be carried out, to its end. */
    void expect() {
        words[Ram.PASS] = EXPECTED;
    }

    /** Requires that it was. */
    void requireEnded() {
        if (words[Ram.PASS] != 0) {
            alarm();
            alarm();
        }
    }

    boolean isFirst() {
        return words[Ram.PASS] == FIRST;
    }

    /** Requires that the second pass has found the same. */
    void requireSame() {
        requireZero(Util.arrayCompare(scratch, Ram.FOUND, scratch, Ram.FOUND_FIRST,
                Ram.FOUND_LENGTH));
    }

    /** The same once more, before anything is written. */
    void requireStillSame() {
        requireZero(Util.arrayCompare(scratch, Ram.FOUND_FIRST, scratch, Ram.FOUND,
                Ram.FOUND_LENGTH));
    }

    /** Number of the next fact: below SECOND in the first pass, and from it on in the second. */
    short next() {
        return words[Ram.FACT]++;
    }

    /** Marks the fact, which is in ram.facts, with what it is about: a number that is not zero. */
    void mark(short fact, byte mark) {
        scratch[(short) (Ram.MARKS + fact)] = mark;
    }

    /** Reports whether the fact is there, true, and about that. */
    boolean holds(short fact, byte mark) {
        fact &= NUMBER;
        return facts[fact] && scratch[(short) (Ram.MARKS + fact)] == mark;
    }

    /** Requires what cannot be otherwise. */
    void require(boolean certain) {
        if (!certain) {
            alarm();
            alarm(); // who has passed over the first
        }
    }

    /** As require, of a comparison, which gives zero where all is the same. */
    void requireZero(short difference) {
        if (difference != 0) {
            alarm();
            alarm();
        }
    }

    /** Reports whether the card has been silenced. */
    boolean isMuted() {
        return ram.session[Ram.MUTED] != 0;
    }

    /** Refuses everything that the silenced card is asked. */
    void requireNotMuted() {
        if (ram.session[Ram.MUTED] != 0) {
            ISOException.throwIt(Spec.SW_UNKNOWN);
        }
    }

    /**
     * Counts an attack, gives up what the command was about to write, and silences the card until
     * it is selected again.
     */
    void alarm() {
        ram.session[Ram.MUTED] = Ram.YES;
        if (JCSystem.getTransactionDepth() != 0) {
            JCSystem.abortTransaction();
        }
        nvm.countAttack();
        ISOException.throwIt(Spec.SW_UNKNOWN);
    }
}
