package probe.purse;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.Util;

/**
 * A purse with the flaws that tools must find: a credit that a power cut halves, a refusal that
 * has changed something, a parser that runs off its data, a recursion without bound, a secret that
 * stays in RAM.
 */
public final class PurseApplet extends Applet {
    private static final byte INS_CREDIT = 0x10;
    private static final byte INS_DEBIT = 0x12;
    private static final byte INS_VERIFY = 0x20;
    private static final byte INS_LIMIT = 0x22;
    private static final byte INS_PARSE = 0x30;
    private static final byte INS_DEPTH = 0x32;
    private static final byte INS_BALANCE = 0x40;

    private static final short MOST = 10000;
    private static final byte LOG_SIZE = 4;

    private static short purses;

    private final OwnerPIN pin;
    private final short[] log;
    private final byte[] key;
    private final short[] scratch;
    private short balance;
    private short credited;
    private short limit;
    private byte next;
    private boolean used;

    private PurseApplet() {
        pin = new OwnerPIN((byte) 3, (byte) 4);
        pin.update(new byte[] {1, 2, 3, 4}, (short) 0, (byte) 4);
        log = new short[LOG_SIZE];
        key = JCSystem.makeTransientByteArray((short) 8, JCSystem.CLEAR_ON_DESELECT);
        scratch = JCSystem.makeTransientShortArray((short) 2, JCSystem.CLEAR_ON_RESET);
        limit = 1000;
        purses++;
    }

    public static void install(byte[] parameters, short offset, byte length) {
        new PurseApplet().register();
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] buffer = apdu.getBuffer();
        short length = apdu.setIncomingAndReceive();
        switch (buffer[ISO7816.OFFSET_INS]) {
            case INS_CREDIT:
                credit(amountIn(buffer, length));
                break;
            case INS_DEBIT:
                debit(amountIn(buffer, length));
                break;
            case INS_VERIFY:
                verify(buffer, length);
                break;
            case INS_LIMIT:
                setLimit(amountIn(buffer, length));
                break;
            case INS_PARSE:
                Util.setShort(buffer, (short) 0, sumOf(buffer, ISO7816.OFFSET_CDATA, length));
                apdu.setOutgoingAndSend((short) 0, (short) 2);
                break;
            case INS_DEPTH:
                depth(buffer[ISO7816.OFFSET_P1]);
                break;
            case INS_BALANCE:
                Util.setShort(buffer, (short) 0, balance);
                apdu.setOutgoingAndSend((short) 0, (short) 2);
                break;
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    private static short amountIn(byte[] buffer, short length) {
        if (length != 2) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
        return Util.getShort(buffer, ISO7816.OFFSET_CDATA);
    }

    /** Without a transaction: a cut between the two leaves them apart. */
    private void credit(short amount) {
        if (amount <= 0 || amount > (short) (MOST - balance)) {
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        }
        balance += amount;
        credited += amount;
    }

    /** In a transaction, as it should be. */
    private void debit(short amount) {
        if (!pin.isValidated()) {
            ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
        }
        if (amount <= 0 || amount > balance || amount > limit) {
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        }
        short left = (short) (balance - amount);
        JCSystem.beginTransaction();
        balance = left;
        log[next] = amount;
        next = (byte) ((byte) (next + 1) % LOG_SIZE);
        JCSystem.commitTransaction();
    }

    /** What was presented stays in RAM. */
    private void verify(byte[] buffer, short length) {
        if (length > (short) key.length) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
        Util.arrayCopy(buffer, ISO7816.OFFSET_CDATA, key, (short) 0, length);
        if (!pin.check(key, (short) 0, (byte) length)) {
            ISOException.throwIt((short) (0x63C0 | pin.getTriesRemaining()));
        }
    }

    /** A refusal that has marked the purse as used. */
    private void setLimit(short amount) {
        used = true;
        if (amount < 0 || amount > MOST) {
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        }
        limit = amount;
    }

    /** The sum of the values of length and value: a length that is too long is not noticed. */
    private short sumOf(byte[] buffer, short offset, short length) {
        short end = (short) (offset + length);
        scratch[0] = 0;
        while (offset < end) {
            short to = (short) (offset + 1 + (short) (buffer[offset] & 0xFF));
            offset++;
            while (offset < to) {
                scratch[0] += (short) (buffer[offset] & 0xFF);
                offset++;
            }
        }
        return scratch[0];
    }

    /** Nothing stops it but the card. */
    private short depth(byte of) {
        if (of == 0) {
            return 0;
        }
        return (short) (1 + depth((byte) (of - 1)));
    }
}
