package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * ACTIVATE: ends personalization and erases the token, in one transaction. A power cut leaves the
 * card as it was, or active.
 */
final class Activate extends Command {
    Activate(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    void run() {
        byte[] state = ram.state;
        requireParameters(Spec.P1P2_ACTIVATE);
        if (state[Nvm.LIFE] != Spec.LIFE_KEYS_MADE || state[Nvm.CERTIFIED] == 0
                || state[Nvm.BATCH] != Nvm.BATCH_CERTIFIED || state[Nvm.PIN_SET] == 0) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        state[Nvm.LIFE] = Spec.LIFE_ACTIVE;
        Util.arrayFillNonAtomic(ram.scratch, Ram.KEY, Spec.TOKEN_LENGTH, (byte) 0);

        JCSystem.beginTransaction();
        Util.arrayCopy(ram.scratch, Ram.KEY, nvm.token, (short) 0, Spec.TOKEN_LENGTH);
        nvm.store();
        JCSystem.commitTransaction();
    }
}
