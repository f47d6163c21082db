package probe.extended;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.service.BasicService;
import javacard.framework.service.Dispatcher;
import javacardx.apdu.util.APDUUtil;
import javacardx.framework.math.BigNumber;
import javacardx.framework.string.StringUtil;
import javacardx.framework.tlv.BERTLV;
import javacardx.framework.tlv.ConstructedBERTLV;
import javacardx.framework.tlv.PrimitiveBERTLV;
import javacardx.framework.tlv.PrimitiveBERTag;
import javacardx.framework.util.ArrayLogic;
import javacardx.framework.util.intx.JCint;
import javacardx.security.SensitiveResult;

/** The extension packages of Java Card 3.0.5, used by services of a dispatcher. */
public final class ExtendedApplet extends Applet {
    private final Dispatcher dispatcher = new Dispatcher((short) 4);

    private ExtendedApplet() {
        Input input = new Input();
        dispatcher.addService(input, Dispatcher.PROCESS_INPUT_DATA);
        dispatcher.addService(new Refuser(), Dispatcher.PROCESS_COMMAND);
        dispatcher.addService(new Worker(), Dispatcher.PROCESS_COMMAND);
        dispatcher.addService(new Output(), Dispatcher.PROCESS_OUTPUT_DATA);
    }

    public static void install(byte[] array, short offset, byte length) {
        new ExtendedApplet().register();
    }

    public void process(APDU apdu) {
        if (!selectingApplet()) {
            dispatcher.process(apdu);
        }
    }

    /** Takes the data in, and swaps its first two bytes. */
    private static final class Input extends BasicService {
        public boolean processDataIn(APDU apdu) {
            short length = receiveInData(apdu);
            byte[] buffer = apdu.getBuffer();
            if (length > 1) {
                byte first = buffer[ISO7816.OFFSET_CDATA];
                buffer[ISO7816.OFFSET_CDATA] = buffer[ISO7816.OFFSET_CDATA + 1];
                buffer[ISO7816.OFFSET_CDATA + 1] = first;
            }
            return true;
        }
    }

    /** Refuses one instruction. */
    private static final class Refuser extends BasicService {
        public boolean processCommand(APDU apdu) {
            return getINS(apdu) == 0x7F && fail(apdu, ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
    }

    /** Adds a byte to what goes out. */
    private static final class Output extends BasicService {
        public boolean processDataOut(APDU apdu) {
            if (!isProcessed(apdu) || getStatusWord(apdu) != ISO7816.SW_NO_ERROR) {
                return false;
            }
            short length = getOutputLength(apdu);
            apdu.getBuffer()[(short) (ISO7816.OFFSET_CDATA + length)] = (byte) 0xEE;
            setOutputLength(apdu, (short) (length + 1));
            return true;
        }
    }

    private static final class Worker extends BasicService {
        private final BigNumber number = new BigNumber((short) 8);
        private final byte[] text = {'6', '5', '5', '3', '6'};

        public boolean processCommand(APDU apdu) {
            byte[] buffer = apdu.getBuffer();
            short offset = ISO7816.OFFSET_CDATA;
            short length = receiveInData(apdu);
            switch (getINS(apdu)) {
                case 0x20: // echo
                    break;
                case 0x21: // 100 times the number
                    number.init(buffer, offset, length, BigNumber.FORMAT_HEX);
                    buffer[offset] = 100;
                    number.multiply(buffer, offset, (short) 1, BigNumber.FORMAT_HEX);
                    length = number.getByteLength(BigNumber.FORMAT_BCD);
                    number.toBytes(buffer, offset, length, BigNumber.FORMAT_BCD);
                    break;
                case 0x22: { // the data as the value of 04 in 30
                    PrimitiveBERTag tag = new PrimitiveBERTag();
                    tag.init((byte) 0, (short) 4);
                    PrimitiveBERTLV value = new PrimitiveBERTLV((short) 8);
                    value.init(tag, buffer, offset, length);
                    byte[] empty = {0x30, 0};
                    ConstructedBERTLV sequence =
                            (ConstructedBERTLV) BERTLV.getInstance(empty, (short) 0, (short) 2);
                    sequence.append(value);
                    length = sequence.toBytes(buffer, offset);
                    break;
                }
                case 0x23: { // a number in text
                    short[] value = new short[4];
                    short n = StringUtil.parseLongInteger(text, (short) 0, (short) text.length,
                            value, (short) 0);
                    length =
                            (short) (ArrayLogic.arrayCopyRepack(value, (short) 0, n, buffer, offset)
                                    - offset);
                    break;
                }
                case 0x24: // of the class byte, and an int
                    buffer[offset] = (byte) (APDUUtil.isSecureMessagingCLA(getCLA(apdu)) ? 1 : 0);
                    int whole = JCint.makeInt((short) 0x0102, (short) 0x0303) + 1;
                    JCint.setInt(buffer, (short) (offset + 1), whole);
                    length = 5;
                    break;
                case 0x25: // a result that is asserted rightly, and then wrongly: SecurityException
                    javacard.framework.Util.arrayCompare(buffer, offset, buffer, offset, length);
                    SensitiveResult.assertZero();
                    SensitiveResult.assertPositive();
                    break;
                default:
                    return false;
            }
            succeed(apdu);
            setOutputLength(apdu, length);
            return true;
        }
    }
}
