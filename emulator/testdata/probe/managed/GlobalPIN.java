package probe.managed;

import javacard.framework.OwnerPIN;
import org.globalplatform.CVM;

/** A global PIN 1234 with three tries, as far as others may use it. */
final class GlobalPIN implements CVM {
    private static final byte[] FIRST = {0x12, 0x34};

    byte lastClient;
    private final OwnerPIN pin = new OwnerPIN((byte) 3, (byte) 8);

    GlobalPIN() {
        pin.update(FIRST, (short) 0, (byte) FIRST.length);
    }

    public boolean isActive() {
        return true;
    }

    public boolean isSubmitted() {
        return pin.getTriesRemaining() < 3 || pin.isValidated();
    }

    public boolean isVerified() {
        return pin.isValidated();
    }

    public boolean isBlocked() {
        return pin.getTriesRemaining() == 0;
    }

    public byte getTriesRemaining() {
        return pin.getTriesRemaining();
    }

    public boolean update(byte[] buffer, short offset, byte length, byte format) {
        return false;
    }

    public boolean resetState() {
        pin.reset();
        return true;
    }

    public boolean blockState() {
        return false;
    }

    public boolean resetAndUnblockState() {
        return false;
    }

    public boolean setTryLimit(byte limit) {
        return false;
    }

    public short verify(byte[] buffer, short offset, byte length, byte format) {
        return pin.check(buffer, offset, length) ? CVM_SUCCESS : CVM_FAILURE;
    }
}
