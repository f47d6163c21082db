package ekrona;

/**
 * CHANGE REFERENCE DATA: replaces the PIN, given the old one. A power cut costs at most a try and
 * leaves the old PIN or the new one. The PIN does not count as verified.
 */
final class ChangeReferenceData extends Command {
    ChangeReferenceData(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    short check() {
        boolean plain = parameters() == Spec.P1P2_CHANGE_REFERENCE_DATA_PLAINTEXT;
        if (!plain) {
            requireParameters(Spec.P1P2_CHANGE_REFERENCE_DATA_ENCIPHERED);
        }
        requireActivated();
        device.pinTransport.readBlocks(plain, (short) 2);
        device.pins.requirePresentable(Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.requireNew(Ram.SECRET_2, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.presentPin();
        return CHANGE;
    }

    boolean changesMore() {
        return true;
    }

    /** The secret is asked again whether it was right. */
    void writeMore() {
        guard.require(device.pins.isRight(false));
        device.pins.replacePin();
    }

    boolean isAsComputed() {
        return !nvm.isPaired();
    }

    void answer() {
        device.pins.forget();
    }
}
