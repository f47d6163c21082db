package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.Util;

/**
 * PIN and PUK. The platform's OwnerPIN takes a try before it compares, outside any transaction, and
 * compares in constant time. It compares the whole PIN block in EMV's format 2: 2L, L digits,
 * filled up with F (ISO 9564-1 section 8.3.3).
 */
final class Pins {
    private static final byte FORMAT = (byte) 0x20;
    private static final byte FORMAT_MASK = (byte) 0xF0;
    private static final byte LENGTH_MASK = (byte) 0x0F;
    private static final byte MAX_DIGIT = (byte) 9;
    private static final short HIGH_HALF = (short) 0xF0;
    private static final short MAX_HIGH_DIGIT = (short) 0x90;
    /** The filler of a block: as much as the shortest PIN needs. */
    private static final byte[] FILLER =
            {(byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF};

    private final Ram ram;
    private final Nvm nvm;
    private final OwnerPIN pin;
    private final OwnerPIN puk;

    Pins(Ram ram, Nvm nvm) {
        this.ram = ram;
        this.nvm = nvm;
        pin = new OwnerPIN((byte) Spec.PIN_TRIES, (byte) Spec.PIN_BLOCK_LENGTH);
        puk = new OwnerPIN((byte) Spec.PUK_TRIES, (byte) Spec.PIN_BLOCK_LENGTH);
    }

    boolean isVerified() {
        return pin.isValidated();
    }

    /** Uses up a verified PIN. */
    void forget() {
        pin.reset();
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
        present(pin);
    }

    /**
     * Presents the first block in scratch as PUK. Takes a try when it is wrong. Nothing asks later
     * whether it was right.
     */
    void presentPuk() {
        present(puk);
    }

    private void present(OwnerPIN secret) {
        if (secret.getTriesRemaining() == 0) {
            ISOException.throwIt(Spec.SW_PIN_BLOCKED);
        }
        if (!secret.check(ram.scratch, Ram.SECRET, (byte) Spec.PIN_BLOCK_LENGTH)) {
            ISOException.throwIt((short) (Spec.SW_PIN_WRONG | secret.getTriesRemaining()));
        }
    }

    /**
     * Sets the second block in scratch as PIN, with all its tries; not verified. Whoever was paired
     * by the old one is paired no longer. A power cut leaves both or neither.
     */
    void replacePin() {
        JCSystem.beginTransaction();
        pin.update(ram.scratch, (short) (Ram.SECRET + Spec.PIN_BLOCK_LENGTH),
                (byte) Spec.PIN_BLOCK_LENGTH);
        nvm.unpair();
        JCSystem.commitTransaction();
    }

    /** Sets PIN and PUK from the two blocks in scratch; inside the transaction of the command. */
    void load() {
        pin.update(ram.scratch, Ram.SECRET, (byte) Spec.PIN_BLOCK_LENGTH);
        puk.update(ram.scratch, (short) (Ram.SECRET + Spec.PIN_BLOCK_LENGTH),
                (byte) Spec.PIN_BLOCK_LENGTH);
    }

    /**
     * Resets the tries of PIN and PUK if an Instruction ordered it. Tries are outside transactions,
     * so the Instruction commits that a reset is pending, and this applies it: at the end of the
     * command, or when the applet is next selected. After a power cut in between, the reset is
     * applied again before anybody can present a PIN, so it gives no further tries.
     */
    void applyTryReset() {
        if (nvm.state[Nvm.TRY_RESET_PENDING] != 0) {
            pin.resetAndUnblock();
            puk.resetAndUnblock();
            nvm.state[Nvm.TRY_RESET_PENDING] = 0;
        }
    }

    /**
     * Requires that the n-th block in scratch, n from 0, is a PIN block of fewest to most digits.
     */
    void requireBlock(short n, short fewest, short most) {
        byte[] b = ram.scratch;
        short offset = (short) (Ram.SECRET + n * Spec.PIN_BLOCK_LENGTH);
        short digits = (short) (b[offset] & LENGTH_MASK);
        boolean good =
                (byte) (b[offset] & FORMAT_MASK) == FORMAT && digits >= fewest && digits <= most;
        if (good) {
            short end = (short) (offset + Spec.PIN_BLOCK_LENGTH);
            offset++;
            for (; digits > 1; digits -= 2) {
                short pair = b[offset++];
                good &= (short) (pair & HIGH_HALF) <= MAX_HIGH_DIGIT
                        && (byte) (pair & LENGTH_MASK) <= MAX_DIGIT;
            }
            if (digits == 1) {
                short last = b[offset++];
                good &= (short) (last & HIGH_HALF) <= MAX_HIGH_DIGIT
                        && (byte) (last & LENGTH_MASK) == LENGTH_MASK;
            }
            good &= Util.arrayCompare(b, offset, FILLER, (short) 0, (short) (end - offset)) == 0;
        }
        if (!good) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }
}
