package probe.core;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;

/** An owner PIN of four to eight bytes with three tries. */
final class Pins {
    private static final byte TRIES = 3;
    private static final byte MAX_SIZE = 8;
    private static final byte[] FIRST = {1, 2, 3, 4};

    private final OwnerPIN pin;

    Pins() {
        pin = new OwnerPIN(TRIES, MAX_SIZE);
        pin.update(FIRST, (short) 0, (byte) FIRST.length);
    }

    /** Runs one operation; result, tries left, validated go out. */
    short run(byte which, byte[] buffer, short offset, byte length) {
        boolean result = true;
        switch (which) {
            case 0:
                result = pin.check(buffer, offset, length);
                break;
            case 1:
                pin.update(buffer, offset, length);
                break;
            case 2:
                pin.reset();
                break;
            case 3:
                pin.resetAndUnblock();
                break;
            case 4: // a check inside a transaction that is aborted: the try is spent all the same
                JCSystem.beginTransaction();
                result = pin.check(buffer, offset, length);
                JCSystem.abortTransaction();
                break;
            case 5:
                break;
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        buffer[0] = (byte) (result ? 1 : 0);
        buffer[1] = pin.getTriesRemaining();
        buffer[2] = (byte) (pin.isValidated() ? 1 : 0);
        return 3;
    }
}
