package debugged;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;

/** An applet that refuses to be installed: its CAP file carries debug information. */
public final class Refuser extends Applet {
    private static short attempts;

    private Refuser() {
        attempts++;
    }

    public static void install(byte[] parameters, short offset, byte length) {
        new Refuser().refuse(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
    }

    private void refuse(short reason) {
        ISOException.throwIt(reason);
    }

    public void process(APDU apdu) {
        refuse(attempts);
    }
}
