package ekrona;

import javacard.framework.ISOException;
import javacard.framework.OwnerPIN;
import javacard.framework.Util;

/**
 * PIN and PUK. The platform's OwnerPIN takes a try before it compares, outside any transaction, and
 * compares in constant time. It compares the whole PIN block in EMV's format 2: 2L, L digits,
 * filled up with F (ISO 9564-1 section 8.3.3).
 */
final class Pins {
    // What facts are about.
    private static final byte PIN = (byte) 0x35;
    private static final byte PUK = (byte) 0x5C;
    private static final byte BLOCK = (byte) 0x26;

    private static final byte FORMAT = (byte) 0x20;
    /** Bit 0 of each of four digits. */
    private static final short ONES = (short) 0x1111;
    private static final short ALL_SET = (short) -1;
    private static final short LOW = (short) 0xFF;
    /** Numbers of DIGITS for each number of digits. */
    private static final short ROW = (short) 3;

    /**
     * Where a block has digits after its first two, for 4 digits, 5, and so on: F for a digit, 0
     * for filler.
     */
    private static final short[] DIGITS = {
        (short) 0xFF00, 0, 0,
        (short) 0xFFF0, 0, 0,
        ALL_SET, 0, 0,
        ALL_SET, (short) 0xF000, 0,
        ALL_SET, (short) 0xFF00, 0,
        ALL_SET, (short) 0xFFF0, 0,
        ALL_SET, ALL_SET, 0,
        ALL_SET, ALL_SET, (short) 0xF000,
        ALL_SET, ALL_SET, (short) 0xFF00};

    private final Ram ram;
    private final Nvm nvm;
    private final Guard guard;
    private final OwnerPIN pin;
    private final OwnerPIN puk;

    Pins(Ram ram, Nvm nvm, Guard guard) {
        this.ram = ram;
        this.nvm = nvm;
        this.guard = guard;
        pin = new OwnerPIN((byte) Spec.PIN_TRIES, (byte) Spec.PIN_BLOCK_LENGTH);
        puk = new OwnerPIN((byte) Spec.PUK_TRIES, (byte) Spec.PIN_BLOCK_LENGTH);
    }

    /**
     * Reports whether VERIFY has come to its end with the right PIN, and nothing has used it up
     * since. A PIN that came with another command counts for that one, even where it broke off.
     */
    boolean isVerified() {
        return ram.session[Ram.VERIFIED] == Ram.YES && pin.isValidated();
    }

    /** Makes the right PIN count for the commands that follow: the end of VERIFY. */
    void setVerified() {
        guard.require(pin.isValidated());
        ram.session[Ram.VERIFIED] = Ram.YES;
    }

    /** Uses up a verified PIN, and a PUK. */
    void forget() {
        ram.session[Ram.VERIFIED] = 0;
        reset(pin);
        reset(puk);
        guard.require(!pin.isValidated() && !puk.isValidated());
    }

    /**
     * Forgets that it was right. Where it was not the platform is not asked: one that read its flag
     * wrong would give the tries back.
     */
    private static void reset(OwnerPIN secret) {
        if (secret.isValidated()) {
            secret.reset();
        }
    }

    /** Throws the status word with the PIN's remaining tries. */
    void throwTries() {
        throwTries(pin);
    }

    private static void throwTries(OwnerPIN secret) {
        byte tries = secret.getTriesRemaining();
        ISOException.throwIt(tries == 0 ? Spec.SW_PIN_BLOCKED
                : (short) (Spec.SW_PIN_WRONG | tries));
    }

    /** Presents the first block in scratch as PIN. Takes a try when it is wrong. */
    void presentPin() {
        present(pin, PIN);
    }

    /** Presents the first block in scratch as PUK. Takes a try when it is wrong. */
    void presentPuk() {
        present(puk, PUK);
    }

    /** That it was blocked, or right, is a fact; and the platform is asked again. */
    private void present(OwnerPIN secret, byte mark) {
        short fact = guard.next();
        ram.session[Ram.VERIFIED] = 0;
        if (fact < Guard.SECOND) {
            if (secret.getTriesRemaining() == 0) {
                ram.facts[fact] = true;
                guard.mark(fact, (byte) ~mark);
            } else {
                reset(secret);
                byte tries = secret.getTriesRemaining();
                ram.facts[fact] =
                        secret.check(ram.scratch, Ram.SECRET, (byte) Spec.PIN_BLOCK_LENGTH);
                guard.mark(fact, mark);
                // A wrong one has taken a try of this secret, and not of the other.
                guard.require(secret.isValidated()
                        || secret.getTriesRemaining() < tries);
            }
        }
        if (!guard.holds(fact, mark) || !secret.isValidated()) {
            if (guard.holds(fact, (byte) ~mark)) {
                ISOException.throwIt(Spec.SW_PIN_BLOCKED);
            }
            reset(secret);
            ISOException.throwIt((short) (Spec.SW_PIN_WRONG | secret.getTriesRemaining()));
        }
    }

    /** Reports whether the PIN, or the PUK, has been right in this command. */
    boolean isRight(boolean ofPuk) {
        return ofPuk ? puk.isValidated() : pin.isValidated();
    }

    /**
     * Sets the second block in scratch as PIN, with all its tries; not verified. Whoever was paired
     * by the old one is paired no longer. Inside the transaction of the command.
     */
    void replacePin() {
        pin.update(ram.scratch, Ram.SECRET_2, (byte) Spec.PIN_BLOCK_LENGTH);
        nvm.unpair();
    }

    /** Sets PIN and PUK from the two blocks in scratch; inside the transaction of the command. */
    void load() {
        pin.update(ram.scratch, Ram.SECRET, (byte) Spec.PIN_BLOCK_LENGTH);
        puk.update(ram.scratch, Ram.SECRET_2, (byte) Spec.PIN_BLOCK_LENGTH);
    }

    /**
     * Resets the tries of PIN and PUK if an Instruction ordered it. Tries are outside transactions,
     * so the Instruction commits that a reset is pending, and this applies it: at the end of the
     * command, or when the applet is next selected. After a power cut in between, the reset is
     * applied again before anybody can present a PIN, so it gives no further tries.
     */
    void applyTryReset() {
        if (nvm.state[Nvm.TRY_RESET_PENDING] == Ram.YES) {
            guard.require(nvm.state[Nvm.TRY_RESET_PENDING] == Ram.YES);
            pin.resetAndUnblock();
            puk.resetAndUnblock();
            nvm.state[Nvm.TRY_RESET_PENDING] = 0;
            ram.state[Nvm.TRY_RESET_PENDING] = 0;
        }
    }

    /** Requires that a block in scratch, a new PIN or PUK, has fewest to most digits. */
    void requireNew(short offset, short fewest, short most) {
        if (!isBlock(offset, fewest, most)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /**
     * Requires that the first block in scratch, which is presented, has fewest to most digits. That
     * is a fact: who passes over it presents what is no PIN, and it takes a try.
     */
    void requirePresentable(short fewest, short most) {
        short fact = guard.next();
        if (fact < Guard.SECOND) {
            ram.facts[fact] = isBlock(Ram.SECRET, fewest, most);
            guard.mark(fact, BLOCK);
        }
        if (!guard.holds(fact, BLOCK)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /**
     * Reports whether the block in scratch at offset is a PIN block of fewest to most digits. Four
     * digits are looked at in one step, and the same instructions run for every block that has so
     * many: neither a digit nor, between those limits, their number shows.
     */
    private boolean isBlock(short offset, short fewest, short most) {
        byte[] b = ram.scratch;
        short digits = (short) (b[offset] ^ FORMAT);
        if (digits < fewest || digits > most) { // another format leaves more
            return false;
        }
        short row = (short) ((short) (digits - Spec.PIN_MIN_DIGITS) * ROW);
        short end = (short) (row + ROW);
        short four = (short) (b[(short) (offset + 1)] & LOW);
        // Bit 0 of a digit above 9 gets set, and any bit of what is no filler is not set.
        short above = (short) ((short) (four >> 3) & (short) ((short) (four >> 2)
                | (short) (four >> 1)));
        short filler = ALL_SET;
        for (; row < end; row++) {
            offset += (short) 2;
            four = Util.getShort(b, offset);
            filler &= (short) (four | DIGITS[row]);
            four &= DIGITS[row];
            above |= (short) ((short) (four >> 3) & (short) ((short) (four >> 2)
                    | (short) (four >> 1)));
        }
        return (short) (above & ONES) == 0 && filler == ALL_SET && row == end;
    }
}
