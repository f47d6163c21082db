package ekrona;

/**
 * VERIFY: presents the PIN or, without data, asks whether it is verified. The try is taken before
 * the comparison and outside any transaction: a power cut costs at most that try.
 */
final class Verify extends Command {
    Verify(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    short check() {
        boolean plain = parameters() == Spec.P1P2_VERIFY_PLAINTEXT;
        if (!plain) {
            requireParameters(Spec.P1P2_VERIFY_ENCIPHERED);
        }
        requireActivated();
        if (ram.words[Ram.IN_LENGTH] == 0) {
            if (!device.pins.isVerified()) {
                device.pins.throwTries();
            }
            return NOTHING;
        }
        device.pinTransport.readBlocks(plain, (short) 1);
        device.pins.requirePresentable(Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.presentPin();
        return CHANGE;
    }

    void done() {
        if (plans(CHANGE)) {
            device.pins.setVerified();
        }
    }
}
