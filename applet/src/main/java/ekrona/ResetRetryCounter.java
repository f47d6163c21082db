package ekrona;

/**
 * RESET RETRY COUNTER: sets a new PIN with all its tries, given the PUK. A power cut costs at most
 * a try of the PUK and leaves the old PIN or the new one. The PIN does not count as verified.
 */
final class ResetRetryCounter extends Command {
    ResetRetryCounter(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    short check() {
        boolean plain = parameters() == Spec.P1P2_RESET_RETRY_COUNTER_PLAINTEXT;
        if (!plain) {
            requireParameters(Spec.P1P2_RESET_RETRY_COUNTER_ENCIPHERED);
        }
        requireActivated();
        device.pinTransport.readBlocks(plain, (short) 2);
        device.pins.requirePresentable(Spec.PUK_DIGITS, Spec.PUK_DIGITS);
        device.pins.requireNew(Ram.SECRET_2, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.presentPuk();
        return CHANGE;
    }

    boolean changesMore() {
        return true;
    }

    /** The secret is asked again whether it was right. */
    void writeMore() {
        guard.require(device.pins.isRight(true));
        device.pins.replacePin();
    }

    boolean isAsComputed() {
        return !nvm.isPaired();
    }

    void answer() {
        device.pins.forget();
    }
}
