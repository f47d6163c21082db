package ekrona;

import javacard.framework.Util;

/**
 * PAIR: pairs the card with its owner's phone, by the PIN. The pair key is of the agreement between
 * the phone's point and the card's PIN key: the same point gives the same key. A power cut costs at
 * most a try and leaves the former key or the new one.
 */
final class Pair extends SecretCommand {
    Pair(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    void work() {
        byte[] scratch = ram.scratch;
        requireParameters(Spec.P1P2_PAIR);
        requireActivated();
        device.pinTransport.readEnciphered((short) 1, Spec.PAIR_LABEL_MAC);
        device.pins.requireBlock((short) 0, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.presentPin();
        device.pins.forget(); // this PIN was for this pair
        device.pinTransport.derive(Spec.PAIR_LABEL_KEY);
        Util.arrayCopy(scratch, Ram.KEY, nvm.pair, (short) 0, Spec.PAIR_KEY_LENGTH);

        device.engines.sha.update(scratch, Ram.AGREED, Spec.SCALAR_LENGTH);
        device.engines.sha.update(Spec.PAIR_LABEL_PROOF, (short) 0,
                (short) Spec.PAIR_LABEL_PROOF.length);
        device.engines.sha.doFinal(ram.session, Ram.NONCE, Spec.NONCE_LENGTH, scratch, Ram.KEY);
        device.channel.respond((short) 0, Tlv.put(ram.out, (short) 0, Spec.TAG_MAC, scratch,
                Ram.KEY, Spec.PIN_MAC_LENGTH));
    }
}
