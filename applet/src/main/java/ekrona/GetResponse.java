package ekrona;

import javacard.framework.ISOException;

/**
 * GET RESPONSE: the next part of an answer that one APDU could not carry. Nothing persistent
 * changes.
 */
final class GetResponse extends Command {
    GetResponse(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    void run() {
        requireParameters(Spec.P1P2_GET_RESPONSE);
        if (!device.channel.hasResponse()) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
    }
}
