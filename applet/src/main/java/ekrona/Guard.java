package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * What makes one fault in a command's way useless: the checks of a command are made twice, and must
 * come to the same (Command). A check decides from what it is given, changes nothing that it reads,
 * and so is free to be repeated. What costs time, or has an effect, is done in the first pass alone:
 * its outcome is a fact, kept as the engine gave it and under a mark of what it is about, and both
 * passes decide by it. Who passes over a check, or over the engine, meets the other pass.
 *
 * <p>Where two looks at the same thing disagree there was no mistake of a sender, but an attack, or
 * a card that is broken: it is counted, and the card is silent until it is selected again.
 */
final class Guard {
    /** Most facts of a command. */
    static final short FACTS = (short) 6;

    // How far a command is: far apart, so that no wrong byte makes one of another.
    /** The checks are made for the first time. */
    static final short FIRST = (short) 0x5AC3;
    /** They are made again. */
    static final short AGAIN = (short) 0x3596;
    static final short APPLIED = (short) 0x693C;
    static final short COMPOSED = (short) 0x96A5;
    static final short COMMITTED = (short) 0xA65A;
    static final short LOOKED_AT = (short) 0xC369;
    static final short DONE = (short) 0x95CA;

    private final Ram ram;
    private final Nvm nvm;

    Guard(Ram ram, Nvm nvm) {
        this.ram = ram;
        this.nvm = nvm;
    }

    /** Begins the first pass, without any fact. */
    void begin() {
        ram.wipeScratch();
        ram.words[Ram.FACT] = 0;
        ram.words[Ram.PASS] = FIRST;
    }

    /** Goes on to the next step; none can be passed over, as the one after it finds out. */
    void step(short from, short to) {
        if (ram.words[Ram.PASS] != from) {
            alarm();
        }
        ram.words[Ram.PASS] = to;
        ram.words[Ram.FACT] = 0;
    }

    void end() {
        ram.words[Ram.PASS] = 0;
    }

    boolean isFirst() {
        return ram.words[Ram.PASS] == FIRST;
    }

    /** Keeps what a check has found, in the first pass, and requires the same in the second. */
    void keep(short index, short value) {
        if (ram.words[Ram.PASS] == FIRST) {
            ram.words[index] = value;
        }
        if (ram.words[index] != value) {
            alarm();
        }
    }

    /** The number of the next fact. */
    short next() {
        return ram.words[Ram.FACT]++;
    }

    /** Marks the fact, which is in ram.facts, with what it is about: a number that is not zero. */
    void mark(short fact, short mark) {
        Util.setShort(ram.scratch, (short) (Ram.MARKS + (short) (fact << 1)), mark);
    }

    /** Reports whether the fact is there, true, and about that. */
    boolean holds(short fact, short mark) {
        return ram.facts[fact] && Util.getShort(ram.scratch,
                (short) (Ram.MARKS + (short) (fact << 1))) == mark;
    }

    /** Requires what cannot be otherwise. */
    void require(boolean certain) {
        if (!certain) {
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
