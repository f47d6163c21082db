package ekrona;

/**
 * CHANGE REFERENCE DATA: replaces the PIN, given the old one. A power cut costs at most a try and
 * leaves the old PIN or the new one. The PIN does not count as verified.
 */
final class ChangeReferenceData extends SecretCommand {
    ChangeReferenceData(Device device) {
        super(device, true);
    }

    void work() {
        boolean plain = parameters() == Spec.P1P2_CHANGE_REFERENCE_DATA_PLAINTEXT;
        if (!plain) {
            requireParameters(Spec.P1P2_CHANGE_REFERENCE_DATA_ENCIPHERED);
        }
        requireActivated();
        device.pinTransport.readBlocks(plain, (short) 2);
        device.pins.requireBlock((short) 0, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.requireBlock((short) 1, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.presentPin();
        device.pins.replacePin();
    }
}
