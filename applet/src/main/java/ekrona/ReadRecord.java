package ekrona;

import javacard.framework.ISOException;

/**
 * READ RECORD: a record of the log, or the message of an open request. Nothing persistent changes.
 */
final class ReadRecord extends Command {
    ReadRecord(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    void run() {
        short n = (short) (ram.session[Ram.P1] & 0xFF);
        byte file = ram.session[Ram.P2];
        if (n == 0
                || (file != Spec.P2_READ_RECORD_LOG && file != Spec.P2_READ_RECORD_OPEN_REQUESTS)) {
            ISOException.throwIt(Spec.SW_PARAMETERS);
        }
        requireActivated();
        requireOwnerOrIntermediary();
        boolean log = file == Spec.P2_READ_RECORD_LOG;
        if (n > (log ? device.log.count() : device.requests.count())) {
            ISOException.throwIt(Spec.SW_RECORD_NOT_FOUND);
        }
        if (log) {
            byte[] slot = device.log.slot(n);
            answer(slot, Log.HEADER_LENGTH, Log.lengthOf(slot));
        } else {
            short message = device.requests.message(device.requests.entry(n));
            answer(nvm.requests, message,
                    (short) (Messages.requestBodyLength(nvm.requests, message)
                            + Messages.SIGNATURE));
        }
    }
}
