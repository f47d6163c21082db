package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * One command of the applet. All its data are in Ram.in, and the working copy of the state is in
 * Ram.state. Every command has the shape of run, which none can leave out or change, so that no
 * single fault - an instruction or a call passed over, a branch turned, a byte read wrong - gives
 * anything to who caused it:
 *
 * <pre>
 * check      everything that could refuse the command decides, and nothing is changed;
 * check      again, from a fresh copy of the state; it must come to the same
 * apply      the new state, in the working copy
 * apply      again, from a fresh copy; it must be the same
 * compose    the answer, or the body of the message that the card signs
 * compose    again; it must be the same
 * seal       the signature, and the record of it in a free slot
 * write      what goes to another free place, and what is in one transaction with the state; all
 *            of it is looked at before the commit
 * look       no transaction is open, and what is stored is the working copy
 * done       what the session remembers
 * look       again
 * answer
 * </pre>
 *
 * <p>A power cut at any point leaves all of what the command does, or nothing, and every command
 * can be repeated.
 */
abstract class Command {
    /** The most bytes of an answer whose first version has a place in out beside the second. */
    private static final short HALF = (short) (Ram.OUT_LENGTH / 2);

    // Plans: far apart. What a command does in one way only has one of these.
    /** It answers. */
    static final short ANSWER = (short) 0x33CC;
    /** It changes the card. */
    static final short CHANGE = (short) 0x5C3A;
    /** What it would do is done already: it gives the same answer again. */
    static final short REPEAT = (short) 0xA593;
    /** As much, without an answer. */
    static final short NOTHING = (short) 0xCA65;

    /** Class byte of the command's row in the spec. */
    final byte cla;
    /** Whether the command has data. */
    final boolean takesData;

    final Device device;
    final Ram ram;
    final Nvm nvm;
    final Guard guard;

    Command(Device device, byte cla, boolean takesData) {
        this.device = device;
        this.cla = cla;
        this.takesData = takesData;
        ram = device.ram;
        nvm = device.nvm;
        guard = device.guard;
    }

    /** Carries out the command, whose data have come whole, up to its response. */
    final void run() {
        boolean ended = false;
        try {
            guard.begin();
            ram.wipeOut();
            nvm.load();
            Util.setShort(ram.scratch, Ram.PLAN, check());
            guard.repeat();
            nvm.load();
            Util.setShort(ram.scratch, Ram.PLAN, check());
            guard.requireSame();
            computeState();
            computeAnswer();
            seal();
            commit();
            look();
            done();
            guard.requireSteps(Guard.ALL);
            guard.requireNotMuted();
            guard.require(JCSystem.getTransactionDepth() == 0 && nvm.isAsComputed());
            answer();
            ended = true;
        } catch (ISOException e) {
            ended = true;
            if (!guard.isFirst() && !guard.isMuted()) {
                guard.alarm(); // the first pass has found nothing to refuse
            }
            ISOException.throwIt(e.getReason());
        } finally {
            device.end(ended);
        }
    }

    /** Computes the new state twice: the first is kept in out, which is not in use yet. */
    private void computeState() {
        byte[] state = ram.state;
        byte[] out = ram.out;
        short length = (short) state.length;
        byte verifier = ram.session[Ram.VERIFIER];
        nvm.load();
        apply();
        if (state[Nvm.VERIFIER] != verifier && nvm.isChanged()) { // named where it is stored at all
            state[Nvm.VERIFIER] = verifier;
        }
        Util.arrayCopyNonAtomic(state, (short) 0, out, (short) 0, length);
        nvm.load();
        // Whoever passes over that load has what was applied already.
        guard.requireZero(Util.arrayCompare(nvm.state, (short) 0, state, (short) 0,
                Nvm.STATE_LENGTH));
        apply();
        verifier = ram.session[Ram.VERIFIER];
        if (state[Nvm.VERIFIER] != verifier && nvm.isChanged()) {
            state[Nvm.VERIFIER] = verifier;
        }
        guard.requireZero(Util.arrayCompare(ram.state, (short) 0, out, (short) 0, length));
        ram.wipeOut();
        guard.step(Guard.APPLIED);
    }

    /**
     * Composes twice: the first version is kept behind the second or, where that has no room, in
     * the command's data, which no command with so long an answer composes it from.
     */
    private void computeAnswer() {
        compose();
        byte[] out = ram.out;
        short[] words = ram.words;
        short start = words[Ram.BODY];
        short end = words[Ram.BODY_END];
        byte[] first = out;
        short at = HALF;
        if (end > HALF) {
            first = ram.in;
            at = 0;
        }
        short length = (short) (end - start);
        Util.arrayCopyNonAtomic(out, start, first, at, length);
        // Not with zeros, which are there already where nothing was copied.
        Util.arrayFillNonAtomic(out, (short) 0, end, (byte) -1);
        compose();
        guard.require(start == words[Ram.BODY] && end == words[Ram.BODY_END]
                && Util.arrayCompare(out, start, first, at, length) == 0);
        guard.step(Guard.COMPOSED);
        guard.requireZero(Util.arrayCompare(first, at, out, start, length));
    }

    /**
     * Writes everything but a record, which is in its free slot already, at one moment. What is not
     * as it was computed is never committed.
     */
    private void commit() {
        guard.requireSteps(Guard.TO_COMMIT);
        guard.requireStillSame();
        write();
        device.log.requireStored();
        if (nvm.isChanged() || changesMore()) {
            JCSystem.beginTransaction();
            writeMore();
            device.log.requireStored();
            nvm.store();
            guard.require(nvm.isAsComputed() && isAsComputed());
            JCSystem.commitTransaction();
        }
        guard.step(Guard.COMMITTED);
    }

    private void look() {
        guard.require(JCSystem.getTransactionDepth() == 0 && nvm.isAsComputed() && isAsComputed());
        guard.step(Guard.LOOKED_AT);
    }

    /**
     * Checks everything, from the command's data and the state; refuses by an ISOException. It is
     * called twice, and changes neither: what it works out in the working copy is lost.
     *
     * @return the plan: what the command will do
     */
    abstract short check();

    /** Applies the plan to the working copy, which is fresh. It is called twice. */
    void apply() {
    }

    /** Composes in out, and calls composed. It is called twice. */
    void compose() {
        composed((short) 0, (short) 0);
    }

    /** Signs what was composed, and prepares the record of it. */
    void seal() {
    }

    /** Writes what goes to a free place, which only the new state names. */
    void write() {
    }

    /** Reports whether more than the state block changes. */
    boolean changesMore() {
        return false;
    }

    /** Writes what is in one transaction with the state block. */
    void writeMore() {
    }

    /** Reports whether write and writeMore have left what they had to. */
    boolean isAsComputed() {
        return true;
    }

    /** Changes the session, once everything is committed. */
    void done() {
    }

    /** Makes what was composed the response. */
    void answer() {
        short start = ram.words[Ram.BODY];
        device.channel.respond(start, (short) (ram.words[Ram.BODY_END] - start));
    }

    /** Says which bytes of out were composed. */
    final void composed(short start, short end) {
        ram.words[Ram.BODY] = start;
        ram.words[Ram.BODY_END] = end;
    }

    /** Composes stored bytes. */
    final void compose(byte[] stored, short offset, short length) {
        composed((short) 0,
                Util.arrayCopyNonAtomic(stored, offset, ram.out, (short) 0, length));
    }

    final boolean plans(short plan) {
        return Util.getShort(ram.scratch, Ram.PLAN) == plan;
    }

    /** Signs the message whose body was composed. */
    final void sign() {
        device.engines.signMessage();
    }

    final short parameters() {
        return Util.getShort(ram.session, Ram.P1);
    }

    final void requireParameters(short p1p2) {
        if (parameters() != p1p2) {
            ISOException.throwIt(Spec.SW_PARAMETERS);
        }
    }

    /** Requires that the card is active, blocked or closed. */
    final void requireActivated() {
        if (ram.state[Nvm.LIFE] < Spec.LIFE_ACTIVE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
    }

    final void requireActive() {
        byte life = ram.state[Nvm.LIFE];
        if (life != Spec.LIFE_ACTIVE) {
            requireActivated();
            ISOException.throwIt(life == Spec.LIFE_BLOCKED ? Spec.SW_BLOCKED : Spec.SW_CLOSED);
        }
    }

    final void requirePin() {
        if (!device.pins.isVerified()) {
            ISOException.throwIt(Spec.SW_SECURITY);
        }
    }

    final void requireReceiver() {
        if (device.limits.hasFlag(Spec.FLAG_PIN_TO_RECEIVE)) {
            requireOwner();
        }
    }

    /**
     * Requires the owner, by PIN or by the paired phone, whose keys this command has come under.
     */
    private void requireOwner() {
        if (ram.session[Ram.BY_PHONE] != Ram.YES) {
            requirePin();
        }
    }

    /**
     * Requires the owner, or the card's own intermediary, by a Challenge answered in this session.
     */
    final void requireOwnerOrIntermediary() {
        if (ram.session[Ram.STATE_ANSWERED] != Ram.YES) {
            requireOwner();
        }
    }

    /** Requires that an id is this device's. */
    final void requireAddressee(byte[] b, short id) {
        if (!isThisDevice(b, id)) {
            ISOException.throwIt(Spec.SW_ADDRESSEE);
        }
    }

    final boolean isThisDevice(byte[] b, short id) {
        return Util.arrayCompare(b, id, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH) == 0;
    }

    final void requireCurrency(byte[] b, short currency) {
        if (Util.arrayCompare(b, currency, nvm.identity, Nvm.CURRENCY,
                Messages.CURRENCY_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_CURRENCY);
        }
    }
}
