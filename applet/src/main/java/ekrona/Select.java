package ekrona;

import javacard.framework.ISOException;

/**
 * SELECT as it comes to the applet that is selected already. The platform finds the application
 * that is meant, and hands the command to that one (Selection): what comes here names none of the
 * card's. The session goes on.
 */
final class Select extends Command {
    Select(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    /** Returns what P1 and P2 ask for: ANSWER or NOTHING; refuses all others. */
    static short form(short p1p2) {
        if (p1p2 == Spec.P1P2_SELECT || p1p2 == Spec.P1P2_SELECT_NEXT) {
            return ANSWER;
        }
        if (p1p2 != Spec.P1P2_SELECT_WITHOUT_ANSWER
                && p1p2 != Spec.P1P2_SELECT_NEXT_WITHOUT_ANSWER) {
            ISOException.throwIt(Spec.SW_PARAMETERS);
        }
        return NOTHING;
    }

    short check() {
        form(parameters());
        short length = ram.words[Ram.IN_LENGTH];
        ISOException.throwIt(length == 0 || length > Spec.MAX_AID
                ? Spec.SW_WRONG_LENGTH : Spec.SW_FILE_NOT_FOUND);
        return NOTHING;
    }
}
