package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/** READ RECORD: a record kept, or an open request, whole. Nothing persistent changes. */
final class ReadRecord extends Command {
    ReadRecord(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    void run() {
        short n = (short) (ram.session[Ram.P1] & 0xFF);
        byte file = ram.session[Ram.P2];
        if (n == 0 || (file != Spec.P2_READ_RECORD_LOG && file != Spec.P2_READ_RECORD_OPEN_REQUESTS)) {
            ISOException.throwIt(Spec.SW_PARAMETERS);
        }
        requireActivated();
        requireReader();
        boolean log = file == Spec.P2_READ_RECORD_LOG;
        if (n > (log ? device.log.kept() : device.requests.count())) {
            ISOException.throwIt(Spec.SW_RECORD_NOT_FOUND);
        }
        short length;
        if (log) {
            short record = device.log.record(n);
            length = device.log.lengthOf(record);
            Util.arrayCopyNonAtomic(nvm.log, record, ram.out, (short) 0, length);
        } else {
            short message = device.requests.message(device.requests.entry(n));
            length = (short) (Messages.requestBodyLength(nvm.requests, message) + Messages.SIGNATURE);
            Util.arrayCopyNonAtomic(nvm.requests, message, ram.out, (short) 0, length);
        }
        device.channel.respond((short) 0, length);
    }
}
