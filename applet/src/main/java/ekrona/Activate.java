package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * ACTIVATE: ends personalization and erases the token, in one transaction. A power cut leaves the
 * card as it was, or active.
 */
final class Activate extends Command {
    Activate(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    short check() {
        byte[] state = ram.state;
        requireParameters(Spec.P1P2_ACTIVATE);
        if (state[Nvm.LIFE] != Spec.LIFE_KEYS_MADE || state[Nvm.CERTIFIED] != Ram.YES
                || state[Nvm.BATCH] != Nvm.BATCH_CERTIFIED || state[Nvm.PIN_SET] != Ram.YES) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        return CHANGE;
    }

    void apply() {
        ram.state[Nvm.LIFE] = Spec.LIFE_ACTIVE;
    }

    void writeMore() {
        Util.arrayCopy(ram.scratch, Ram.KEY, nvm.token, (short) 0, Spec.TOKEN_LENGTH); // zeros
    }

    boolean isAsComputed() {
        return Engines.isZero(nvm.token, (short) 0, Spec.TOKEN_LENGTH);
    }
}
