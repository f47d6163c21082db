package ekrona;

/**
 * RESET RETRY COUNTER: sets a new PIN with all its tries, given the PUK. A power cut costs at most
 * a try of the PUK and leaves the old PIN or the new one. The PIN does not count as verified.
 */
final class ResetRetryCounter extends SecretCommand {
    ResetRetryCounter(Device device) {
        super(device, true);
    }

    void work() {
        boolean plain = parameters() == Spec.P1P2_RESET_RETRY_COUNTER_PLAINTEXT;
        if (!plain) {
            requireParameters(Spec.P1P2_RESET_RETRY_COUNTER_ENCIPHERED);
        }
        requireActivated();
        device.pinTransport.readBlocks(plain, (short) 2);
        device.pins.requireBlock((short) 0, Spec.PUK_DIGITS, Spec.PUK_DIGITS);
        device.pins.requireBlock((short) 1, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.presentPuk();
        device.pins.replacePin();
    }
}
