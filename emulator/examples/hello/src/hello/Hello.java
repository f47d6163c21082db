package hello;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/** Greets the name that it was given last, and counts its greetings. */
public final class Hello extends Applet {
    private static final byte INS_GREET = (byte) 0x02;
    private static final byte INS_SET_NAME = (byte) 0x04;
    private static final byte INS_COUNT = (byte) 0x06;
    private static final short MAX_NAME = (short) 32;

    private final byte[] greeting = {'H', 'e', 'l', 'l', 'o', ',', ' '};
    private final byte[] name = new byte[MAX_NAME];
    private short nameLength;
    private short greetings;

    private Hello() {
        byte[] world = {'w', 'o', 'r', 'l', 'd'};
        setName(world, (short) 0, (short) world.length);
    }

    public static void install(byte[] parameters, short offset, byte length) {
        new Hello().register();
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] buffer = apdu.getBuffer();
        switch (buffer[ISO7816.OFFSET_INS]) {
            case INS_GREET:
                greet(apdu, buffer);
                return;
            case INS_SET_NAME:
                short length = apdu.setIncomingAndReceive();
                if (length == 0 || length > MAX_NAME) {
                    ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
                }
                setName(buffer, ISO7816.OFFSET_CDATA, length);
                return;
            case INS_COUNT:
                Util.setShort(buffer, (short) 0, greetings);
                apdu.setOutgoingAndSend((short) 0, (short) 2);
                return;
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    private void greet(APDU apdu, byte[] buffer) {
        greetings++;
        short end = Util.arrayCopyNonAtomic(greeting, (short) 0, buffer, (short) 0,
                (short) greeting.length);
        end = Util.arrayCopyNonAtomic(name, (short) 0, buffer, end, nameLength);
        apdu.setOutgoingAndSend((short) 0, end);
    }

    /** A power cut leaves the name and its length of before, or the new ones. */
    private void setName(byte[] from, short offset, short length) {
        JCSystem.beginTransaction();
        Util.arrayCopy(from, offset, name, (short) 0, length);
        nameLength = length;
        JCSystem.commitTransaction();
    }
}
