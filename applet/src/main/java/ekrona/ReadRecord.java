package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * READ RECORD: a record of the log, or the message of an open request. Nothing persistent changes.
 */
final class ReadRecord extends Command {
    private static final short LOG = (short) 0x6C3A;
    private static final short OPEN_REQUESTS = (short) 0x93C5;

    ReadRecord(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    short check() {
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
            Util.setShort(ram.scratch, Ram.SLOT, device.log.slotOf(n));
            return LOG;
        }
        Util.setShort(ram.scratch, Ram.ENTRY, device.requests.entry(n));
        return OPEN_REQUESTS;
    }

    void compose() {
        if (plans(LOG)) {
            short slot = Util.getShort(ram.scratch, Ram.SLOT);
            compose(device.log.slot(slot), Log.HEADER_LENGTH, device.log.lengthOf(slot));
        } else {
            short message = device.requests.message(Util.getShort(ram.scratch, Ram.ENTRY));
            compose(nvm.requests, message,
                    (short) (Messages.requestBodyLength(nvm.requests, message)
                            + Messages.SIGNATURE));
        }
    }
}
