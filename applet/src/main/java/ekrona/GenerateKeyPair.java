package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * GENERATE ASYMMETRIC KEY PAIR: generates both key pairs, once, and authenticates them by a MAC
 * under the personalization token. The life cycle moves on afterwards, with the state block, in one
 * atomic copy: a power cut before the copy leaves keys that were not given out, and the next call
 * generates new ones; after it, the same answer comes again until activation.
 */
final class GenerateKeyPair extends Command {
    private static final short POINT_HEADER =
            (short) (Spec.KEY_ANSWER_OFFSET_SIGNING_POINT - Spec.KEY_ANSWER_AT_SIGNING_POINT);
    private static final short KEY_LENGTH = (short) (POINT_HEADER + Spec.POINT_LENGTH);
    private static final short MAC_INPUT_LENGTH =
            (short) (Spec.DEVICE_ID_LENGTH + 2 * Spec.POINT_LENGTH);

    GenerateKeyPair(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    short check() {
        byte life = ram.state[Nvm.LIFE];
        requireParameters(Spec.P1P2_GENERATE_ASYMMETRIC_KEY_PAIR);
        if (life == Spec.LIFE_KEYS_MADE) {
            return REPEAT;
        }
        if (life != Spec.LIFE_INSTALLED) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        device.engines.generate();
        return CHANGE;
    }

    void apply() {
        if (plans(CHANGE)) {
            device.engines.putSigningPoint(ram.in, (short) 0);
            device.log.startChain(ram.in, (short) 0);
            ram.state[Nvm.LIFE] = Spec.LIFE_KEYS_MADE;
        }
    }

    void compose() {
        byte[] out = ram.out;
        short next = Tlv.open(out, (short) 0, Spec.TAG_PUBLIC_KEY, KEY_LENGTH);
        next = device.engines.putSigningPoint(out,
                Tlv.open(out, next, Spec.TAG_POINT, Spec.POINT_LENGTH));
        next = Tlv.open(out, next, Spec.TAG_PUBLIC_KEY, KEY_LENGTH);
        next = device.engines.putPinPoint(out,
                Tlv.open(out, next, Spec.TAG_POINT, Spec.POINT_LENGTH));
        mac();
        composed((short) 0,
                Tlv.put(out, next, Spec.TAG_MAC, ram.scratch, Ram.MAC, Spec.MAC_LENGTH));
    }

    /** Writes the MAC over device id and both points to scratch at MAC. */
    private void mac() {
        byte[] in = ram.in; // the command has no data
        short next = Util.arrayCopyNonAtomic(nvm.identity, Nvm.DEVICE, in, (short) 0,
                Spec.DEVICE_ID_LENGTH);
        next = Util.arrayCopyNonAtomic(ram.out, Spec.KEY_ANSWER_OFFSET_SIGNING_POINT, in, next,
                Spec.POINT_LENGTH);
        Util.arrayCopyNonAtomic(ram.out, Spec.KEY_ANSWER_OFFSET_PIN_POINT, in, next,
                Spec.POINT_LENGTH);
        device.cmac.deriveFromToken(Spec.TOKEN_LABEL_MAC);
        device.cmac.compute(ram.scratch, Ram.KEY, in, (short) 0, MAC_INPUT_LENGTH);
    }
}
