package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * REFUSE: closes an open request for ever; a blocked or closed card does it too. A power cut before
 * the commit leaves the request open; after it the same command returns the same Refusal.
 */
final class Refuse extends Command {
    private static final short RECORD_NUMBER =
            (short) (Messages.REFUSAL_HEADER + Spec.REFUSAL_OFFSET_NUMBER);

    Refuse(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    short check() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_REFUSE);
        requireActivated();
        requireReceiver();
        Tlv.requireAll(in, (short) 0, ram.words[Ram.IN_LENGTH], Spec.REFUSE_DATA_FRAME,
                Spec.REFUSE_DATA_LENGTH);

        short earlier = device.log.find(Log.REFUSAL, RECORD_NUMBER, in,
                Spec.REFUSE_DATA_OFFSET_NUMBER, U32.LENGTH);
        Util.setShort(ram.scratch, Ram.SLOT, earlier);
        if (earlier != Log.NONE) {
            return REPEAT;
        }
        short entry = device.requests.find(in, Spec.REFUSE_DATA_OFFSET_NUMBER);
        if (entry < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        Util.setShort(ram.scratch, Ram.ENTRY, entry);
        return CHANGE;
    }

    void apply() {
        if (plans(CHANGE)) {
            device.requests.close(Util.getShort(ram.scratch, Ram.ENTRY));
            device.log.append();
        }
    }

    /** Composes the Refusal as a record, from the request as it was when it was open. */
    void compose() {
        if (!plans(CHANGE)) {
            short slot = Util.getShort(ram.scratch, Ram.SLOT);
            compose(device.log.slot(slot), Log.HEADER_LENGTH, device.log.lengthOf(slot));
            return;
        }
        byte[] state = nvm.state;
        short entry = Util.getShort(ram.scratch, Ram.ENTRY);
        short request = OpenRequests.message(state, entry);
        boolean named = Messages.namesPayer(nvm.requests, request);
        byte[] out = ram.out;
        short next = Messages.begin(out, Ram.RECORD, Spec.TAG_REFUSAL,
                named ? Spec.REFUSAL_CONTENT_LENGTH_MAX : Spec.REFUSAL_CONTENT_LENGTH_MIN);
        next = Tlv.put(out, next, Spec.TAG_PAYEE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = device.log.putNumber(out, next);
        next = Tlv.put(out, next, Spec.TAG_NUMBER, state, (short) (entry + OpenRequests.NUMBER),
                U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_IDENTITY, nvm.requests,
                (short) (request - OpenRequests.HEADER_LENGTH), Spec.HASH_LENGTH);
        if (named) {
            next = Tlv.put(out, next, Spec.TAG_DEVICE, nvm.requests,
                    Messages.payer(nvm.requests, request), Spec.DEVICE_ID_LENGTH);
        }
        composed(Ram.RECORD, next);
    }

    void seal() {
        if (plans(CHANGE)) {
            sign();
            device.log.prepare(Log.REFUSAL, false);
        }
    }
}
