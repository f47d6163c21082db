package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * MUTUAL AUTHENTICATE: phone and card prove to each other that they have the pair key, and open
 * secure messaging. Nothing persistent changes, and a card that is not paired answers as one that
 * is paired with another phone.
 */
final class MutualAuthenticate extends Command {
    MutualAuthenticate(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    /** The nonce is used up, whatever the outcome. */
    short check() {
        byte[] scratch = ram.scratch;
        boolean fresh = device.nonce.use();
        requireParameters(Spec.P1P2_MUTUAL_AUTHENTICATE);
        requireActivated();
        Tlv.requireAll(ram.in, (short) 0, ram.words[Ram.IN_LENGTH],
                Spec.MUTUAL_AUTHENTICATE_DATA_FRAME, Spec.MUTUAL_AUTHENTICATE_DATA_LENGTH);
        if (!fresh) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        hash(Spec.MUTUAL_LABEL_PHONE, scratch, Ram.KEY);
        Util.arrayCopyNonAtomic(scratch, Ram.KEY, scratch, Ram.MAC, Spec.PIN_MAC_LENGTH);
        // Both are looked at, so that neither shows in the time.
        if (!(device.cmac.matches(ram.in, Spec.MUTUAL_AUTHENTICATE_DATA_OFFSET_MAC,
                Spec.PIN_MAC_LENGTH) & nvm.isPaired())) {
            ISOException.throwIt(Spec.SW_NOT_PAIRED);
        }
        return CHANGE;
    }

    void compose() {
        hash(Spec.MUTUAL_LABEL_CARD, ram.scratch, Ram.KEY);
        composed((short) 0, Tlv.put(ram.out, (short) 0, Spec.TAG_MAC, ram.scratch, Ram.KEY,
                Spec.PIN_MAC_LENGTH));
    }

    void done() {
        guard.require(nvm.isPaired()); // or else the keys would be anybody's
        hash(Spec.MUTUAL_LABEL_KEYS, ram.session, Ram.SECURED_KEYS);
        device.secureMessaging.open();
    }

    /** Hashes pair key, label, the card's nonce and the phone's. */
    private void hash(byte[] label, byte[] out, short offset) {
        device.engines.sha.update(nvm.pair, (short) 0, Spec.PAIR_KEY_LENGTH);
        device.engines.sha.update(label, (short) 0, (short) label.length);
        device.engines.sha.update(ram.session, Ram.NONCE, Spec.NONCE_LENGTH);
        device.engines.sha.doFinal(ram.in, Spec.MUTUAL_AUTHENTICATE_DATA_OFFSET_NONCE,
                Spec.NONCE_LENGTH, out, offset);
    }
}
