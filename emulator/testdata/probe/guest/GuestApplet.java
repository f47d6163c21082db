package probe.guest;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Shareable;
import javacard.framework.SystemException;
import javacard.framework.Util;
import probe.lib.Ledger;
import probe.vault.Vault;

/**
 * The client of the vault. Each instruction makes one access across the firewall; a refused one
 * answers 6F07, a SystemException 6F3x, any other result is answered as data.
 */
public final class GuestApplet extends Applet {
    static final byte CONNECT = 0x10;
    static final byte DEPOSIT = 0x11;
    static final byte BALANCE = 0x12;
    static final byte READ_LEAKED_ARRAY = 0x13;
    static final byte LENGTH_OF_LEAKED_ARRAY = 0x14;
    static final byte WRITE_LEAKED_ARRAY = 0x15;
    static final byte COPY_LEAKED_ARRAY = 0x16;
    static final byte READ_LEAKED_FIELD = 0x17;
    static final byte WRITE_LEAKED_FIELD = 0x18;
    static final byte CALL_LEAKED_OBJECT = 0x19;
    static final byte LEND_OWN_ARRAY = 0x1A;
    static final byte LEND_BUFFER = 0x1B;
    static final byte CALLER = 0x1C;
    static final byte FAIL = 0x1D;
    static final byte KEEP_BUFFER = 0x1E;
    static final byte KEEP_BUFFER_STATIC = 0x1F;
    static final byte KEEP_APDU = 0x20;
    static final byte KEEP_IN_ARRAY = 0x21;
    static final byte STATICS = 0x22;
    static final byte CAST_TO_CLASS = 0x23;
    static final byte ABORT_DEPOSIT = 0x24;
    static final byte TOUCH_SESSION = 0x25;
    static final byte MAKE_SESSION = 0x26;
    static final byte TEST_LEAKED_OBJECT = 0x27;
    static final byte HOLD_LEAKED_OBJECT = 0x28;

    static final short SW_SECURITY = 0x6F07;
    static final short SW_SYSTEM = 0x6F30;

    private static Object keptStatic;

    private Vault vault;
    private Object kept;
    private final Object[] keptInArray = new Object[1];
    private final byte[] own = {5, 6, 7};

    private GuestApplet(byte[] parameters, short offset) {
        register(parameters, (short) (offset + 1), parameters[offset]);
    }

    public static void install(byte[] parameters, short offset, byte length) {
        new GuestApplet(parameters, offset);
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] buffer = apdu.getBuffer();
        short length = 0;
        try {
            length = dispatch(apdu, buffer);
        } catch (SecurityException e) {
            ISOException.throwIt(SW_SECURITY);
        } catch (SystemException e) {
            ISOException.throwIt((short) (SW_SYSTEM + e.getReason()));
        }
        if (length > 0) {
            apdu.setOutgoingAndSend((short) 0, length);
        }
    }

    /**
     * Data: the vault's AID. P1: the parameter of the request. Answers 1 when an object came back.
     */
    private short connect(APDU apdu, byte[] buffer) {
        short received = apdu.setIncomingAndReceive();
        AID server = JCSystem.lookupAID(buffer, ISO7816.OFFSET_CDATA, (byte) received);
        if (server == null) {
            buffer[0] = 2;
            return 1;
        }
        Shareable object =
                JCSystem.getAppletShareableInterfaceObject(server, buffer[ISO7816.OFFSET_P1]);
        if (object != null) {
            vault = (Vault) object;
        }
        buffer[0] = (byte) (object == null ? 0 : 1);
        return 1;
    }

    private short dispatch(APDU apdu, byte[] buffer) {
        short value = Util.getShort(buffer, ISO7816.OFFSET_P1);
        switch (buffer[ISO7816.OFFSET_INS]) {
            case CONNECT:
                return connect(apdu, buffer);
            case DEPOSIT:
                return Util.setShort(buffer, (short) 0, vault.deposit(value));
            case BALANCE:
                return Util.setShort(buffer, (short) 0, vault.balance());
            case READ_LEAKED_ARRAY:
                return Util.setShort(buffer, (short) 0, vault.leakArray()[0]);
            case LENGTH_OF_LEAKED_ARRAY:
                return Util.setShort(buffer, (short) 0, (short) vault.leakArray().length);
            case WRITE_LEAKED_ARRAY:
                vault.leakArray()[0] = 9;
                return 0;
            case COPY_LEAKED_ARRAY:
                return Util.arrayCopy(vault.leakArray(), (short) 0, buffer, (short) 0, (short) 4);
            case READ_LEAKED_FIELD:
                return Util.setShort(buffer, (short) 0, vault.leakLedger().total);
            case WRITE_LEAKED_FIELD:
                vault.leakLedger().total = 1;
                return 0;
            case CALL_LEAKED_OBJECT:
                return Util.setShort(buffer, (short) 0, vault.leakLedger().total());
            case LEND_OWN_ARRAY:
                return Util.setShort(buffer, (short) 0,
                        vault.sumOf(own, (short) 0, (short) own.length));
            case LEND_BUFFER:
                return Util.setShort(buffer, (short) 0, vault.sumOf(buffer, (short) 1, (short) 3));
            case CALLER:
                return Util.setShort(buffer, (short) 0, vault.caller());
            case FAIL:
                try {
                    vault.fail(value);
                } catch (ISOException e) {
                    return Util.setShort(buffer, (short) 0, e.getReason());
                }
                return 0;
            case KEEP_BUFFER:
                kept = buffer;
                return 0;
            case KEEP_BUFFER_STATIC:
                keptStatic = buffer;
                return 0;
            case KEEP_APDU:
                kept = apdu;
                return 0;
            case KEEP_IN_ARRAY:
                keptInArray[0] = buffer;
                return 0;
            case STATICS:
                Ledger.opened += (byte) value;
                return Util.setShort(buffer, (short) 0, Ledger.openedTwice());
            case CAST_TO_CLASS:
                kept = (Applet) vault;
                return 0;
            case ABORT_DEPOSIT:
                JCSystem.beginTransaction();
                vault.deposit(value);
                JCSystem.abortTransaction();
                return Util.setShort(buffer, (short) 0, vault.balance());
            case TOUCH_SESSION:
                return Util.setShort(buffer, (short) 0, vault.touchSession());
            case MAKE_SESSION:
                vault.makeSession();
                return 0;
            case TEST_LEAKED_OBJECT:
                Object leaked = vault.leakLedger();
                buffer[0] = (byte) (leaked instanceof Ledger ? 1 : 0);
                return 1;
            case HOLD_LEAKED_OBJECT:
                kept = vault.leakLedger();
                buffer[0] = (byte) (kept == vault.leakLedger() ? 1 : 0);
                return 1;
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        return 0;
    }
}
