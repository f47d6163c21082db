package probe.core;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.AppletEvent;
import javacard.framework.CardRuntimeException;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.MultiSelectable;
import javacard.framework.PINException;
import javacard.framework.SystemException;
import javacard.framework.TransactionException;
import javacard.framework.Util;
import javacard.security.CryptoException;
import javacardx.apdu.ExtendedLength;
import probe.lib.Refusal;

/**
 * A test applet: each instruction exercises one part of a Java Card machine and answers with the
 * result that the Java language or the Java Card specifications require. Exceptions that reach
 * process() are turned into status words, except those of instruction RAW.
 */
public final class ProbeApplet extends Applet
        implements MultiSelectable, AppletEvent, ExtendedLength {
    static final byte CLA = (byte) 0x80;

    static final byte INT = 0x10;
    static final byte SHORT = 0x11;
    static final byte COLLATZ = 0x12;
    static final byte CRC = 0x13;
    static final byte SWITCH = 0x14;
    static final byte SUM = 0x15;
    static final byte FIBONACCI = 0x16;
    static final byte SORT = 0x17;
    static final byte DESCRIBE = 0x20;
    static final byte SCALE = 0x21;
    static final byte TYPES = 0x22;
    static final byte CAST = 0x23;
    static final byte STORE = 0x24;
    static final byte SAME = 0x25;
    static final byte MADE = 0x26;
    static final byte NESTED = 0x30;
    static final byte RETURN = 0x31;
    static final byte RAISE = 0x32;
    static final byte RAW = 0x33;
    static final byte STATICS = 0x40;
    static final byte CHANGE_STATICS = 0x41;
    static final byte FILL = 0x50;
    static final byte READ_FILLED = 0x51;
    static final byte KINDS = 0x52;
    static final byte EXHAUST = 0x53;
    static final byte GARBAGE = 0x54;
    static final byte COLLECT = 0x55;
    static final byte AVAILABLE = 0x56;
    static final byte RING = 0x57;
    static final byte DROP = 0x58;
    static final byte PROTOCOL = 0x59;
    static final byte TRANSACT = 0x60;
    static final byte READ_STATE = 0x61;
    static final byte PIN = 0x70;
    static final byte CRYPTO = 0x78;
    static final byte LIFE = 0x7A;
    static final byte INSTALL_DATA = 0x7B;
    static final byte ECHO = 0x7C;
    static final byte SEND = 0x7D;
    static final byte SEND_LONG = 0x7E;
    static final byte REFUSE_SELECT = 0x7F;

    /**
     * Status words for exceptions: one for each class, the reason in the low byte where there is
     * one.
     */
    static final short SW_ARITHMETIC = 0x6F01;
    static final short SW_INDEX = 0x6F02;
    static final short SW_NULL = 0x6F03;
    static final short SW_CAST = 0x6F04;
    static final short SW_NEGATIVE_SIZE = 0x6F05;
    static final short SW_ARRAY_STORE = 0x6F06;
    static final short SW_SECURITY = 0x6F07;
    static final short SW_REFUSAL = 0x6F08;
    static final short SW_TRANSACTION = 0x6F10;
    static final short SW_CRYPTO = 0x6F20;
    static final short SW_SYSTEM = 0x6F30;
    static final short SW_PIN = 0x6F40;

    private final Objects objects = new Objects();
    private final Failures failures = new Failures();
    private final Memory memory = new Memory();
    private final Transactions transactions = new Transactions();
    private final Pins pins = new Pins();
    private final Ciphers ciphers = new Ciphers();
    private final byte[] installData;
    private short selected;
    private short deselected;
    private boolean refuseNext;

    private ProbeApplet(byte[] parameters, short offset, byte length) {
        installData = new byte[(short) (length & 0xFF)];
        Util.arrayCopy(parameters, offset, installData, (short) 0, (short) installData.length);
    }

    /**
     * Parameters: instance AID, control information and applet data, each with a length byte (JCRE
     * 3.0.4, Applet.install).
     */
    public static void install(byte[] parameters, short offset, byte length) {
        ProbeApplet applet = new ProbeApplet(parameters, offset, length);
        byte aidLength = parameters[offset];
        if (aidLength == 0) {
            applet.register();
        } else {
            applet.register(parameters, (short) (offset + 1), aidLength);
        }
    }

    public boolean select() {
        if (refuseNext) {
            refuseNext = false;
            return false;
        }
        selected++;
        return true;
    }

    public void deselect() {
        deselected++;
    }

    public boolean select(boolean appInstAlreadyActive) {
        selected += 100;
        return true;
    }

    public void deselect(boolean appInstStillActive) {
        deselected += 100;
    }

    public void uninstall() {
        Registry.uninstalled++;
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] buffer = apdu.getBuffer();
        if (buffer[ISO7816.OFFSET_CLA] != CLA) {
            ISOException.throwIt(ISO7816.SW_CLA_NOT_SUPPORTED);
        }
        if (buffer[ISO7816.OFFSET_INS] == RAW) {
            failures.raise(buffer[ISO7816.OFFSET_P1], (short) buffer[ISO7816.OFFSET_P2]);
            return;
        }
        try {
            dispatch(apdu, buffer);
        } catch (ArithmeticException e) {
            ISOException.throwIt(SW_ARITHMETIC);
        } catch (ArrayIndexOutOfBoundsException e) {
            ISOException.throwIt(SW_INDEX);
        } catch (NullPointerException e) {
            ISOException.throwIt(SW_NULL);
        } catch (ClassCastException e) {
            ISOException.throwIt(SW_CAST);
        } catch (NegativeArraySizeException e) {
            ISOException.throwIt(SW_NEGATIVE_SIZE);
        } catch (ArrayStoreException e) {
            ISOException.throwIt(SW_ARRAY_STORE);
        } catch (SecurityException e) {
            ISOException.throwIt(SW_SECURITY);
        } catch (Refusal e) {
            ISOException.throwIt(SW_REFUSAL);
        } catch (TransactionException e) {
            ISOException.throwIt((short) (SW_TRANSACTION + e.getReason()));
        } catch (CryptoException e) {
            ISOException.throwIt((short) (SW_CRYPTO + e.getReason()));
        } catch (SystemException e) {
            ISOException.throwIt((short) (SW_SYSTEM + e.getReason()));
        } catch (PINException e) {
            ISOException.throwIt((short) (SW_PIN + e.getReason()));
        }
    }

    private void dispatch(APDU apdu, byte[] buffer) {
        byte p1 = buffer[ISO7816.OFFSET_P1];
        byte p2 = buffer[ISO7816.OFFSET_P2];
        short word = Util.getShort(buffer, ISO7816.OFFSET_P1);
        short in = ISO7816.OFFSET_CDATA;
        short length = 0;
        switch (buffer[ISO7816.OFFSET_INS]) {
            case INT:
                receive(apdu);
                length = Wire.setInt(buffer, (short) 0,
                        Arithmetic.onInts(p1, Wire.getInt(buffer, in),
                                Wire.getInt(buffer, (short) (in + 4))));
                break;
            case SHORT:
                receive(apdu);
                length = Util.setShort(buffer, (short) 0,
                        Arithmetic.onShorts(p1, Util.getShort(buffer, in),
                                Util.getShort(buffer, (short) (in + 2))));
                break;
            case COLLATZ:
                receive(apdu);
                length = Wire.setInt(buffer, (short) 0,
                        Arithmetic.collatz(Wire.getInt(buffer, in)));
                break;
            case CRC:
                length = receive(apdu);
                length = Wire.setInt(buffer, (short) 0, Arithmetic.crc32(buffer, in, length));
                break;
            case SWITCH:
                receive(apdu);
                length = Util.setShort(buffer, (short) 0, runSwitch(p1, Wire.getInt(buffer, in)));
                break;
            case SUM:
                receive(apdu);
                length = Wire.setInt(buffer, (short) 0,
                        Arithmetic.sumTo(word, Wire.getInt(buffer, in)));
                break;
            case FIBONACCI:
                length = Util.setShort(buffer, (short) 0, Arithmetic.fibonacci(word));
                break;
            case SORT:
                length = receive(apdu);
                Arithmetic.sort(buffer, in, length);
                Util.arrayCopyNonAtomic(buffer, in, buffer, (short) 0, length);
                break;
            case DESCRIBE:
                length = objects.describe(p1, buffer, (short) 0);
                break;
            case SCALE:
                objects.scale(p1, p2);
                break;
            case TYPES:
                length = Util.setShort(buffer, (short) 0, objects.typeTests(p1));
                break;
            case CAST:
                objects.cast(p1, p2);
                break;
            case STORE:
                objects.store(p1);
                break;
            case SAME:
                buffer[0] = objects.same(p1, p2);
                length = 1;
                break;
            case MADE:
                length = Util.setShort(buffer, (short) 0, Objects.made());
                break;
            case NESTED:
                length = failures.nested(p1, p2, buffer, (short) 0);
                break;
            case RETURN:
                length = Util.setShort(buffer, (short) 0, failures.returnThroughFinally(word));
                length = Util.setShort(buffer, length, failures.lastMark());
                break;
            case RAISE:
                length = Util.setShort(buffer, (short) 0, failures.raise(p1, (short) p2));
                break;
            case STATICS:
                length = memory.statics(buffer, (short) 0);
                break;
            case CHANGE_STATICS:
                memory.changeStatics(p1);
                break;
            case FILL:
                memory.fillTransient(p1);
                break;
            case READ_FILLED:
                length = memory.readTransient(buffer, (short) 0);
                break;
            case KINDS:
                length = memory.kinds(buffer, (short) 0);
                break;
            case EXHAUST:
                receive(apdu);
                length = Util.setShort(buffer, (short) 0,
                        memory.exhaustTransient(Util.getShort(buffer, in), p1));
                break;
            case GARBAGE:
                receive(apdu);
                memory.makeGarbage(p1, Util.getShort(buffer, in));
                break;
            case COLLECT:
                Memory.collect();
                break;
            case AVAILABLE:
                length = Memory.available(buffer, (short) 0);
                break;
            case RING:
                length = Util.setShort(buffer, (short) 0, memory.ring(p1 == 0));
                break;
            case DROP:
                memory.dropChain();
                break;
            case PROTOCOL:
                buffer[0] = APDU.getProtocol();
                length = 1;
                break;
            case TRANSACT:
                length = transactions.run(p1, p2, buffer, (short) 0);
                break;
            case READ_STATE:
                length = transactions.read(buffer, (short) 0);
                break;
            case PIN:
                length = receive(apdu);
                length = pins.run(p1, buffer, in, (byte) length);
                break;
            case CRYPTO:
                length = receive(apdu);
                length = ciphers.run(p1, buffer, in, length);
                break;
            case LIFE:
                length = life(buffer);
                break;
            case INSTALL_DATA:
                length = Util.arrayCopyNonAtomic(installData, (short) 0, buffer, (short) 0,
                        (short) installData.length);
                break;
            case ECHO:
                echo(apdu, buffer);
                return;
            case SEND:
                send(apdu, buffer, word);
                return;
            case SEND_LONG:
                apdu.setOutgoing();
                apdu.setOutgoingLength((short) installData.length);
                apdu.sendBytesLong(installData, (short) 0, (short) installData.length);
                return;
            case REFUSE_SELECT:
                refuseNext = true;
                break;
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        if (length > 0) {
            apdu.setOutgoingAndSend((short) 0, length);
        }
    }

    private static short receive(APDU apdu) {
        return apdu.setIncomingAndReceive();
    }

    private static short runSwitch(byte which, int value) {
        switch (which) {
            case 0: return Switches.denseShort((short) value);
            case 1: return Switches.sparseShort((short) value);
            case 2: return Switches.denseInt(value);
            case 3: return Switches.sparseInt(value);
            default: ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        return 0;
    }

    /** selected(2) deselected(2) uninstalled(2) channel(1) context AID length(1) AID. */
    private short life(byte[] buffer) {
        short offset = Util.setShort(buffer, (short) 0, selected);
        offset = Util.setShort(buffer, offset, deselected);
        offset = Util.setShort(buffer, offset, Registry.uninstalled);
        buffer[offset++] = JCSystem.getAssignedChannel();
        byte size = JCSystem.getAID().getBytes(buffer, (short) (offset + 1));
        buffer[offset++] = size;
        return (short) (offset + size);
    }

    /**
     * Takes data of any length, also longer than the buffer, and answers its length and the sum of
     * its bytes.
     */
    private static void echo(APDU apdu, byte[] buffer) {
        short total = 0;
        short sum = 0;
        short received = apdu.setIncomingAndReceive();
        short declared = apdu.getIncomingLength();
        short offset = apdu.getOffsetCdata();
        while (received > 0) {
            for (short i = 0; i < received; i++) {
                sum += (short) (buffer[(short) (offset + i)] & 0xFF);
            }
            total += received;
            if (total == declared) {
                break;
            }
            offset = 0;
            received = apdu.receiveBytes((short) 0);
        }
        short expected = apdu.setOutgoing();
        apdu.setOutgoingLength((short) 6);
        Util.setShort(buffer, (short) 0, total);
        Util.setShort(buffer, (short) 2, sum);
        Util.setShort(buffer, (short) 4, expected);
        apdu.sendBytes((short) 0, (short) 6);
    }

    /** Answers P1P2 bytes 00 01 02 ... in pieces of at most 100. */
    private static void send(APDU apdu, byte[] buffer, short total) {
        apdu.setOutgoing();
        apdu.setOutgoingLength(total);
        short next = 0;
        while (next < total) {
            short piece = (short) (total - next);
            if (piece > 100) {
                piece = 100;
            }
            for (short i = 0; i < piece; i++) {
                buffer[i] = (byte) (next + i);
            }
            apdu.sendBytes((short) 0, piece);
            next += piece;
        }
    }
}
