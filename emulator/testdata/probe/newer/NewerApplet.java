package probe.newer;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.PINException;
import javacard.framework.SystemException;
import javacard.framework.TransactionException;
import javacard.security.CryptoException;

/**
 * One instruction for each part of the API that Java Card 3.0.5 added, and for its rules of AIDs
 * and paddings. Exceptions become status words: 6F1x for CryptoException with reason x, 6F2x for
 * SystemException, 6F3x for PINException, 6F4x for TransactionException, 6F07 for
 * SecurityException, 6F01 for NullPointerException, 6F02 for ClassCastException, 6F03 for
 * ArrayIndexOutOfBoundsException.
 */
public final class NewerApplet extends Applet {
    static final byte AIDS = 0x10;
    static final byte RESELECTED = 0x11;
    static final byte INSTALLED = 0x12;
    static final byte ARRAYS = 0x13;
    static final byte PINS = 0x15;
    static final byte ONE_SHOTS = 0x16;
    static final byte KEYS = 0x17;
    static final byte MAC = 0x18;
    static final byte ENCIPHER = 0x19;
    static final byte VERSION = 0x1A;
    static final byte ALGORITHM = 0x1B;
    static final byte RECOVERY = 0x1C;
    static final byte AUTHENTICATED = 0x1D;
    static final byte MUTE = 0x1E;

    static final byte LEFT_OPEN = 0x71;
    static final byte ABORTED = 0x72;
    static final byte COMMITTED = 0x73;

    private static byte reselected;
    private static byte reselectedInSelect;

    private final Aids aids = new Aids();
    private final Arrays arrays = new Arrays();
    private final Pins pins = new Pins();
    private final Engines engines = new Engines();
    private final Recovery recovery = new Recovery();
    private final Authenticated authenticated = new Authenticated();
    private final short installLength;
    private final byte afterParameters;

    private NewerApplet(byte[] array, short offset, byte length) {
        installLength = (short) array.length;
        afterParameters = array[(short) (offset + length)];
        arrays.tryToKeep(array);
    }

    /** The last byte of the parameters says what becomes of the transaction of the registration. */
    public static void install(byte[] array, short offset, byte length) {
        byte how = array[(short) (offset + length - 1)];
        NewerApplet applet = new NewerApplet(array, offset, length);
        if (how >= LEFT_OPEN && how <= COMMITTED) {
            JCSystem.beginTransaction();
        }
        applet.register();
        if (how == ABORTED) {
            JCSystem.abortTransaction();
        } else if (how == COMMITTED) {
            JCSystem.commitTransaction();
        }
    }

    public boolean select() {
        if (reSelectingApplet()) {
            reselectedInSelect++;
        }
        return true;
    }

    public void deselect() {
        if (reSelectingApplet()) {
            reselected++;
        }
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        try {
            run(apdu);
        } catch (CryptoException e) {
            ISOException.throwIt((short) (0x6F10 | e.getReason()));
        } catch (SystemException e) {
            ISOException.throwIt((short) (0x6F20 | e.getReason()));
        } catch (PINException e) {
            ISOException.throwIt((short) (0x6F30 | e.getReason()));
        } catch (TransactionException e) {
            ISOException.throwIt((short) (0x6F40 | e.getReason()));
        } catch (SecurityException e) {
            ISOException.throwIt((short) 0x6F07);
        } catch (ClassCastException e) {
            ISOException.throwIt((short) 0x6F02);
        } catch (ArrayIndexOutOfBoundsException e) {
            ISOException.throwIt((short) 0x6F03);
        } catch (NullPointerException e) {
            ISOException.throwIt((short) 0x6F01);
        }
    }

    private void run(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        short length = apdu.setIncomingAndReceive();
        byte which = buffer[ISO7816.OFFSET_P1];
        byte more = buffer[ISO7816.OFFSET_P2];
        short out = 1;
        switch (buffer[ISO7816.OFFSET_INS]) {
            case AIDS:
                buffer[0] = (byte) (aids.run(which, buffer) ? 1 : 0);
                break;
            case RESELECTED:
                buffer[0] = reselected;
                buffer[1] = reselectedInSelect;
                buffer[2] = (byte) (reSelectingApplet() ? 1 : 0);
                out = 3;
                break;
            case INSTALLED:
                buffer[0] = (byte) (installLength >> 8);
                buffer[1] = (byte) installLength;
                buffer[2] = afterParameters;
                buffer[3] = (byte) (arrays.refusedToKeep ? 1 : 0);
                out = 4;
                break;
            case ARRAYS:
                out = arrays.run(which, more, buffer);
                break;
            case PINS:
                out = pins.run(which, more, buffer, ISO7816.OFFSET_CDATA, (byte) length);
                break;
            case ONE_SHOTS:
                out = engines.oneShot(which, buffer, ISO7816.OFFSET_CDATA, length);
                break;
            case KEYS:
                out = engines.keys(which, buffer);
                break;
            case MAC:
                out = engines.mac(which, more, buffer, ISO7816.OFFSET_CDATA, length);
                break;
            case ENCIPHER:
                out = engines.encipher(which, more, buffer, ISO7816.OFFSET_CDATA, length);
                break;
            case VERSION:
                buffer[0] = (byte) (JCSystem.getVersion() >> 8);
                buffer[1] = (byte) JCSystem.getVersion();
                out = 2;
                break;
            case ALGORITHM:
                engines.make(which, more, buffer, ISO7816.OFFSET_CDATA);
                out = 0;
                break;
            case RECOVERY:
                out = recovery.run(which, more, buffer, ISO7816.OFFSET_CDATA, length);
                break;
            case AUTHENTICATED:
                out = authenticated.run(which, more, buffer, ISO7816.OFFSET_CDATA, length);
                break;
            case MUTE:
                reselected++;
                out = endless(out);
                break;
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        apdu.setOutgoingAndSend((short) 0, out);
    }

    private static short endless(short n) {
        return (short) (1 + endless(n));
    }
}
