package ekrona;

import javacard.framework.Util;

/**
 * PAIR: pairs the card with its owner's phone, by the PIN. The pair key is of the agreement between
 * the phone's point and the card's PIN key: the same point gives the same key. A power cut costs at
 * most a try and leaves the former key or the new one.
 */
final class Pair extends Command {
    Pair(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    short check() {
        requireParameters(Spec.P1P2_PAIR);
        requireActivated();
        device.pinTransport.readEnciphered((short) 1, Spec.PAIR_LABEL_MAC);
        device.pins.requirePresentable(Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.presentPin();
        return CHANGE;
    }

    /** Composes the proof, and the pair key in scratch. */
    void compose() {
        byte[] scratch = ram.scratch;
        device.pinTransport.derive(Spec.PAIR_LABEL_KEY);
        Util.arrayCopyNonAtomic(scratch, Ram.KEY, scratch, Ram.SECRET, Spec.PAIR_KEY_LENGTH);
        device.engines.sha.update(scratch, Ram.AGREED, Spec.SCALAR_LENGTH);
        device.engines.sha.update(Spec.PAIR_LABEL_PROOF, (short) 0,
                (short) Spec.PAIR_LABEL_PROOF.length);
        device.engines.sha.doFinal(ram.session, Ram.NONCE, Spec.NONCE_LENGTH, scratch, Ram.KEY);
        composed((short) 0, Tlv.put(ram.out, (short) 0, Spec.TAG_MAC, scratch, Ram.KEY,
                Spec.PIN_MAC_LENGTH));
    }

    boolean changesMore() {
        return true;
    }

    /** The secret is asked again whether it was right. */
    void writeMore() {
        guard.require(device.pins.isRight(false));
        Util.arrayCopy(ram.scratch, Ram.SECRET, nvm.pair, (short) 0, Spec.PAIR_KEY_LENGTH);
    }

    boolean isAsComputed() {
        return Util.arrayCompare(ram.scratch, Ram.SECRET, nvm.pair, (short) 0,
                Spec.PAIR_KEY_LENGTH) == 0;
    }

    void answer() {
        device.pins.forget(); // this PIN was for this pair
        super.answer();
    }
}
