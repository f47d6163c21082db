package ekrona;

import javacard.framework.ISOException;

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

    void run() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_REFUSE);
        requireActivated();
        requirePinToReceive();
        Tlv.requireAll(in, (short) 0, ram.words[Ram.IN_LENGTH], Spec.REFUSE_DATA_FRAME,
                Spec.REFUSE_DATA_LENGTH);

        byte[] earlier = device.log.find(Log.REFUSAL, RECORD_NUMBER, in,
                Spec.REFUSE_DATA_OFFSET_NUMBER, U32.LENGTH);
        if (earlier != null) {
            answer(earlier, Log.HEADER_LENGTH, Log.lengthOf(earlier));
            return;
        }
        short entry = device.requests.find(in, Spec.REFUSE_DATA_OFFSET_NUMBER);
        if (entry < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }

        short length = compose(entry);
        device.requests.close(entry);
        device.log.appendRefusal(length);

        device.log.store();
        nvm.store();
        device.channel.respond(Ram.RECORD, length);
    }

    /**
     * Writes the signed Refusal of an open request to ram.out at Ram.RECORD, and its identity to
     * scratch. Returns its length.
     */
    private short compose(short entry) {
        byte[] out = ram.out;
        short request = device.requests.message(entry);
        boolean named = Messages.namesPayer(nvm.requests, request);
        short next = Messages.begin(out, Ram.RECORD, Spec.TAG_REFUSAL,
                named ? Spec.REFUSAL_CONTENT_LENGTH_MAX : Spec.REFUSAL_CONTENT_LENGTH_MIN);
        next = Tlv.put(out, next, Spec.TAG_PAYEE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = device.log.putNextNumber(out, next);
        next = Tlv.put(out, next, Spec.TAG_NUMBER, ram.state, (short) (entry + OpenRequests.NUMBER),
                U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_IDENTITY, ram.state,
                (short) (entry + OpenRequests.IDENTITY), Spec.HASH_LENGTH);
        if (named) {
            next = Tlv.put(out, next, Spec.TAG_DEVICE, nvm.requests,
                    (short) (request + Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYER),
                    Spec.DEVICE_ID_LENGTH);
        }
        return (short) (device.engines.signMessage(out, Ram.RECORD, next) - Ram.RECORD);
    }
}
