package probe.vault;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Shareable;
import javacard.framework.Util;
import probe.lib.Ledger;

/**
 * Serves its shareable interface to one client AID, named at install; answers its balance when
 * selected.
 */
public final class VaultApplet extends Applet implements Vault {
    private final Ledger ledger = new Ledger();
    private final byte[] secret = {1, 2, 3, 4};
    private final byte[] session =
            JCSystem.makeTransientByteArray((short) 4, JCSystem.CLEAR_ON_DESELECT);
    private byte[] extra;
    private byte[] client;

    private VaultApplet(byte[] parameters, short offset) {
        short control = (short) (offset + parameters[offset] + 1);
        short data = (short) (control + parameters[control] + 1);
        client = new byte[parameters[data]];
        Util.arrayCopy(parameters, (short) (data + 1), client, (short) 0, (short) client.length);
    }

    public static void install(byte[] parameters, short offset, byte length) {
        new VaultApplet(parameters, offset).register(parameters, (short) (offset + 1),
                parameters[offset]);
    }

    public Shareable getShareableInterfaceObject(AID clientAID, byte parameter) {
        if (parameter != SERVICE || !clientAID.equals(client, (short) 0, (byte) client.length)) {
            return null;
        }
        return this;
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        if (selectingApplet()) {
            return;
        }
        if (buffer[ISO7816.OFFSET_INS] != 0x01) {
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        session[0]++;
        Util.setShort(buffer, (short) 0, ledger.total);
        apdu.setOutgoingAndSend((short) 0, (short) 2);
    }

    public short deposit(short amount) {
        ledger.total += amount;
        return ledger.total;
    }

    public short balance() {
        return ledger.total();
    }

    public byte[] leakArray() {
        return secret;
    }

    public Ledger leakLedger() {
        return ledger;
    }

    public short sumOf(byte[] data, short offset, short length) {
        short sum = 0;
        for (short i = 0; i < length; i++) {
            sum += data[(short) (offset + i)];
        }
        return sum;
    }

    public short caller() {
        AID aid = JCSystem.getPreviousContextAID();
        byte[] copy = new byte[16];
        byte length = aid.getBytes(copy, (short) 0);
        return Util.makeShort(length, copy[(byte) (length - 1)]);
    }

    public void fail(short reason) {
        ISOException.throwIt(reason);
    }

    public short touchSession() {
        return ++session[0];
    }

    public void makeSession() {
        extra = JCSystem.makeTransientByteArray((short) 4, JCSystem.CLEAR_ON_DESELECT);
    }
}
