package probe.newer;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.OwnerPINBuilder;
import javacard.framework.OwnerPINx;
import javacard.framework.OwnerPINxWithPredecrement;
import javacard.framework.PIN;

/** The three kinds of PIN of OwnerPINBuilder, with three tries and room for eight bytes. */
final class Pins {
    private PIN pin;

    /** Runs one operation; result, tries left, validated go out. */
    short run(byte which, byte value, byte[] buffer, short offset, byte length) {
        byte result = 1;
        switch (which) {
            case 0:
                pin = OwnerPINBuilder.buildOwnerPIN((byte) 3, (byte) 8, value);
                break;
            case 1:
                result = (byte) (pin.check(buffer, offset, length) ? 1 : 0);
                break;
            case 2:
                pin.reset();
                break;
            case 3:
                if (pin instanceof OwnerPIN) {
                    ((OwnerPIN) pin).update(buffer, offset, length);
                } else {
                    ((OwnerPINx) pin).update(buffer, offset, length);
                }
                break;
            case 4:
                ((OwnerPINx) pin).setTryLimit(value);
                break;
            case 5:
                ((OwnerPINx) pin).setTriesRemaining(value);
                break;
            case 6:
                result = ((OwnerPINx) pin).getTryLimit();
                break;
            case 7:
                result = ((OwnerPINxWithPredecrement) pin).decrementTriesRemaining();
                break;
            case 8: // a presentation is not undone, an administrative operation is
                JCSystem.beginTransaction();
                result = (byte) (pin.check(buffer, offset, length) ? 1 : 0);
                JCSystem.abortTransaction();
                break;
            case 9:
                JCSystem.beginTransaction();
                ((OwnerPINx) pin).setTryLimit(value);
                JCSystem.abortTransaction();
                break;
            case 10: // which interfaces it has
                result = (byte) ((pin instanceof OwnerPIN ? 1 : 0)
                        | (pin instanceof OwnerPINx ? 2 : 0)
                    | (pin instanceof OwnerPINxWithPredecrement ? 4 : 0));
                break;
            case 11:
                OwnerPINBuilder.buildOwnerPIN((byte) 0, (byte) 8, value);
                break;
            case 12:
                OwnerPINBuilder.buildOwnerPIN((byte) 3, (byte) 0, value);
                break;
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        buffer[0] = result;
        buffer[1] = pin.getTriesRemaining();
        buffer[2] = (byte) (pin.isValidated() ? 1 : 0);
        return 3;
    }
}
