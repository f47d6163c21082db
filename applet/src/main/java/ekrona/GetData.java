package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * GET DATA: one data object, for the owner. What the other device of a payment needs comes also
 * without PIN, if the policy needs none to receive; the batch's certificate, which is the same on
 * all its cards, comes always, and so do the crisis order and its key's certificate.
 */
final class GetData extends Command {
    GetData(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    short check() {
        short object = parameters();
        if (object != Spec.P1P2_GET_DATA_CERTIFICATE && object != Spec.P1P2_GET_DATA_DEVICE
                && object != Spec.P1P2_GET_DATA_BALANCE && object != Spec.P1P2_GET_DATA_POLICY
                && object != Spec.P1P2_GET_DATA_COUNTERS
                && object != Spec.P1P2_GET_DATA_BATCH_CERTIFICATE
                && object != Spec.P1P2_GET_DATA_CRISIS_ORDER
                && object != Spec.P1P2_GET_DATA_CRISIS_CERTIFICATE) {
            ISOException.throwIt(Spec.SW_PARAMETERS);
        }
        requireActivated();
        if (object == Spec.P1P2_GET_DATA_BATCH_CERTIFICATE) {
            return object;
        }
        if (object == Spec.P1P2_GET_DATA_CRISIS_ORDER
                || object == Spec.P1P2_GET_DATA_CRISIS_CERTIFICATE) {
            if (crisisLength(object) == 0) {
                ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
            }
            return object;
        }
        boolean needed = object == Spec.P1P2_GET_DATA_CERTIFICATE
                || object == Spec.P1P2_GET_DATA_DEVICE;
        if (!needed || device.limits.hasFlag(Spec.FLAG_PIN_TO_RECEIVE)) {
            requireOwnerOrIntermediary();
        }
        return object;
    }

    /** The plan is the object. */
    void compose() {
        short object = Util.getShort(ram.scratch, Ram.PLAN);
        byte[] out = ram.out;
        byte[] state = ram.state;
        short length;
        if (object == Spec.P1P2_GET_DATA_BATCH_CERTIFICATE) {
            length = Util.arrayCopyNonAtomic(nvm.batch, (short) 0, out, (short) 0,
                    Spec.DEVICE_CERTIFICATE_LENGTH);
        } else if (object == Spec.P1P2_GET_DATA_CRISIS_ORDER) {
            length = Util.arrayCopyNonAtomic(nvm.order, (short) 0, out, (short) 0,
                    crisisLength(object));
        } else if (object == Spec.P1P2_GET_DATA_CRISIS_CERTIFICATE) {
            length = Util.arrayCopyNonAtomic(nvm.crisisCertificate, (short) 0, out, (short) 0,
                    crisisLength(object));
        } else if (object == Spec.P1P2_GET_DATA_CERTIFICATE) {
            length = Util.arrayCopyNonAtomic(nvm.certificate, (short) 0, out, (short) 0,
                    Spec.DEVICE_CERTIFICATE_LENGTH);
        } else if (object == Spec.P1P2_GET_DATA_DEVICE) {
            length = Tlv.put(out, (short) 0, Spec.TAG_DEVICE, nvm.identity, Nvm.DEVICE,
                    Spec.DEVICE_ID_LENGTH);
        } else if (object == Spec.P1P2_GET_DATA_BALANCE) {
            length = Tlv.put(out, (short) 0, Spec.TAG_BALANCE, state, Nvm.BALANCE, U32.LENGTH);
        } else if (object == Spec.P1P2_GET_DATA_POLICY) {
            length = Tlv.put(out, (short) 0, Spec.TAG_POLICY, state, Nvm.POLICY,
                    Spec.POLICY_LENGTH);
        } else {
            length = Tlv.open(out, (short) 0, Spec.TAG_COUNTERS, Spec.COUNTERS_CONTENT_LENGTH);
            length = Tlv.put(out, length, Spec.TAG_ATC, state, Nvm.ATC, U32.LENGTH);
            length = Tlv.put(out, length, Spec.TAG_ACKED_ATC, state, Nvm.ACKED_ATC, U32.LENGTH);
            length = Tlv.put(out, length, Spec.TAG_INSTRUCTION_SEQUENCE, state, Nvm.SEQUENCE,
                    U32.LENGTH);
            length = Tlv.put(out, length, Spec.TAG_NUMBER, state, Nvm.REQUEST_NUMBER, U32.LENGTH);
            length = Tlv.put(out, length, Spec.TAG_SLOTS, (byte) device.log.slots());
            length = Tlv.put(out, length, Spec.TAG_GROUP, state[Nvm.GROUP]);
            length = Tlv.put(out, length, Spec.TAG_ATTACKS, nvm.attacks[Nvm.ATTACKS_FOUND]);
            length = Tlv.put(out, length, Spec.TAG_MAX_ATTACKS, nvm.attacks[Nvm.MAX_ATTACKS]);
        }
        composed((short) 0, length);
    }

    /** Length of the crisis order that the card holds, or of its key's certificate; 0 for none. */
    private short crisisLength(short object) {
        if (object == Spec.P1P2_GET_DATA_CRISIS_ORDER) {
            return device.order.length();
        }
        return ram.state[Nvm.LIFE] != Spec.LIFE_CLOSED
                && device.authorities.isKnown(Authorities.CRISIS)
                ? Spec.AUTHORITY_CERTIFICATE_LENGTH : 0;
    }
}
