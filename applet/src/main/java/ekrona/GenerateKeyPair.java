package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * GENERATE ASYMMETRIC KEY PAIR: generates both key pairs, once, and authenticates them by a MAC
 * under the personalization token. The life cycle moves on afterwards, with the state block, in one
 * atomic copy: a power cut before the copy leaves keys that were not given out, and the next call
 * generates new ones; after it, the same answer comes again until activation.
 */
final class GenerateKeyPair extends SecretCommand {
    private static final short POINT_HEADER =
            (short) (Spec.KEY_ANSWER_OFFSET_SIGNING_POINT - Spec.KEY_ANSWER_AT_SIGNING_POINT);
    private static final short KEY_LENGTH = (short) (POINT_HEADER + Spec.POINT_LENGTH);
    /** Where in out the MAC's input is assembled, after the answer. */
    private static final short MAC_INPUT = Spec.KEY_ANSWER_LENGTH;
    private static final short MAC_INPUT_LENGTH =
            (short) (Spec.DEVICE_ID_LENGTH + 2 * Spec.POINT_LENGTH);

    GenerateKeyPair(Device device) {
        super(device, false);
    }

    void work() {
        byte[] out = ram.out;
        byte[] state = ram.state;
        requireParameters(Spec.P1P2_GENERATE_ASYMMETRIC_KEY_PAIR);
        if (state[Nvm.LIFE] > Spec.LIFE_KEYS_MADE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        boolean made = state[Nvm.LIFE] == Spec.LIFE_KEYS_MADE;
        if (!made) {
            device.engines.generate();
        }
        short next = Tlv.open(out, (short) 0, Spec.TAG_PUBLIC_KEY, KEY_LENGTH);
        next = device.engines.putSigningPoint(out,
                Tlv.open(out, next, Spec.TAG_POINT, Spec.POINT_LENGTH));
        next = Tlv.open(out, next, Spec.TAG_PUBLIC_KEY, KEY_LENGTH);
        next = device.engines.putPinPoint(out,
                Tlv.open(out, next, Spec.TAG_POINT, Spec.POINT_LENGTH));
        mac();
        Tlv.put(out, next, Spec.TAG_MAC, ram.scratch, Ram.MAC, Spec.MAC_LENGTH);
        if (!made) {
            device.log.startChain(out, Spec.KEY_ANSWER_OFFSET_SIGNING_POINT);
            state[Nvm.LIFE] = Spec.LIFE_KEYS_MADE;
            nvm.store();
        }
        device.channel.respond((short) 0, Spec.KEY_ANSWER_LENGTH);
    }

    /** Writes the MAC over device id and both points to scratch at MAC. */
    private void mac() {
        byte[] out = ram.out;
        short next = Util.arrayCopyNonAtomic(nvm.identity, Nvm.DEVICE, out, MAC_INPUT,
                Spec.DEVICE_ID_LENGTH);
        next = Util.arrayCopyNonAtomic(out, Spec.KEY_ANSWER_OFFSET_SIGNING_POINT, out, next,
                Spec.POINT_LENGTH);
        Util.arrayCopyNonAtomic(out, Spec.KEY_ANSWER_OFFSET_PIN_POINT, out, next,
                Spec.POINT_LENGTH);
        device.cmac.deriveFromToken(nvm.token, Spec.TOKEN_LABEL_MAC);
        device.cmac.compute(ram.scratch, Ram.KEY, out, MAC_INPUT, MAC_INPUT_LENGTH);
    }
}
