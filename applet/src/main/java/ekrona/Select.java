package ekrona;

import javacard.framework.JCSystem;
import javacard.framework.Util;

/** SELECT: state, version and capabilities, in every state. Nothing in it tells one card from another; nothing persistent changes. */
final class Select extends Command {
    private static final byte CAPABILITIES = (byte) (Spec.CAPABILITY_EXTENDED_LENGTH | Spec.CAPABILITY_ENCIPHERED_PIN
            | Spec.CAPABILITY_CHAINING);
    private static final short VERSION_LENGTH = (short) 2;
    private static final short PROPRIETARY_LENGTH = (short) (Spec.FCI_CONTENT_LENGTH - Spec.FCI_AT_LIFE_CYCLE);

    Select(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    void run() {
        byte[] out = ram.out;
        byte aidLength = JCSystem.getAID().getBytes(ram.scratch, (short) 0);
        short inner = (short) (Tlv.headerLength(Spec.TAG_DF_NAME, aidLength) + aidLength
                + Tlv.headerLength(Spec.TAG_FCI_PROPRIETARY, PROPRIETARY_LENGTH) + PROPRIETARY_LENGTH);
        short next = Tlv.open(out, (short) 0, Spec.TAG_FCI, inner);
        next = Tlv.put(out, next, Spec.TAG_DF_NAME, ram.scratch, (short) 0, aidLength);
        next = Tlv.open(out, next, Spec.TAG_FCI_PROPRIETARY, PROPRIETARY_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_LIFE_CYCLE, ram.state[Nvm.LIFE]);
        next = Tlv.open(out, next, Spec.TAG_SPEC_VERSION, VERSION_LENGTH);
        next = Util.setShort(out, next, Spec.VERSION);
        next = Tlv.put(out, next, Spec.TAG_CAPABILITIES, CAPABILITIES);
        device.channel.respond((short) 0, next);
    }
}
