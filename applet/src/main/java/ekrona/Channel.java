package ekrona;

import javacard.framework.APDU;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Commands and responses of any length over whatever APDUs the card offers (ISO/IEC 7816-4 section
 * 5.3): extended length, command chaining, response chaining by 61xx and GET RESPONSE. All data are
 * in Ram.in before anything is decided. A chain ends with any command that is not its next part,
 * and with deselection; a response can be fetched until the next command.
 */
final class Channel {
    private static final byte CLASS_CHANNEL = (byte) 0x03;
    private static final byte CLASS_FURTHER = (byte) 0x40;
    private static final byte CLASS_RESERVED = (byte) 0x20;
    private static final byte CLASS_INVALID = (byte) 0xFF;
    /** All bits of the class that the applet refuses when set. */
    private static final byte CLASS_REFUSED =
            (byte) (CLASS_FURTHER | CLASS_RESERVED | Spec.CLA_SECURED | CLASS_CHANNEL);
    private static final byte PROTOCOL_TYPE = (byte) 0x0F;
    private static final short INS_P1_P2 = (short) 3;
    private static final short P1_P2 = (short) 2;
    private static final short SHORT_RESPONSE = (short) 0x100;

    private final Ram ram;

    Channel(Ram ram) {
        this.ram = ram;
    }

    /**
     * Refuses the classes that the applet does not support (ISO/IEC 7816-4 section 5.4.1), and
     * secure messaging that is not open.
     *
     * @return the class byte without the chaining bit
     */
    byte checkClass(byte cla) {
        if ((byte) (cla & CLASS_REFUSED) != 0) {
            requireSecured(cla);
        }
        return (byte) (cla & (byte) ~Spec.CLA_CHAINING);
    }

    private void requireSecured(byte cla) {
        if ((byte) (cla & CLASS_REFUSED) == Spec.CLA_SECURED
                && ram.session[Ram.SECURED] == Ram.YES) {
            return;
        }
        if (cla == CLASS_INVALID) {
            refuse(Spec.SW_CLASS);
        }
        if ((byte) (cla & CLASS_FURTHER) != 0) {
            refuse(Spec.SW_CHANNEL);
        }
        if ((byte) (cla & CLASS_RESERVED) != 0) {
            refuse(Spec.SW_CLASS);
        }
        if ((byte) (cla & Spec.CLA_SECURED) != 0) {
            refuse(Spec.SW_SECURE_MESSAGING);
        }
        refuse(Spec.SW_CHANNEL);
    }

    /**
     * Refuses a command before it is complete. The chain that it continued, or broke, is dropped
     * with its data, and secure messaging ends.
     */
    void refuse(short sw) {
        dropResponse();
        ram.session[Ram.CHAINING] = 0;
        ram.wipeCommand();
        ISOException.throwIt(sw);
    }

    /** Copies the parameters in the buffer to Ram.session: all of a SELECT that counts. */
    void keepParameters(byte[] buffer) {
        Util.arrayCopyNonAtomic(buffer, ISO7816.OFFSET_P1, ram.session, Ram.P1, P1_P2);
    }

    /**
     * Copies the data of the APDU to Ram.in, after those of the chain's earlier parts, and the
     * header to Ram.session.
     *
     * @param cla class byte without the chaining bit
     * @return true when the command is complete, false when more parts must come
     */
    boolean receive(APDU apdu, byte cla, boolean takesData) {
        byte[] buffer = apdu.getBuffer();
        byte[] session = ram.session;
        boolean partial = buffer[ISO7816.OFFSET_CLA] != cla;
        if (session[Ram.CHAINING] != 0) {
            session[Ram.CHAINING] = 0;
            if (cla != session[Ram.CLA]
                    || Util.arrayCompare(buffer, ISO7816.OFFSET_INS, session, Ram.INS,
                            INS_P1_P2) != 0) {
                refuse(Spec.SW_LAST_CHAINED_EXPECTED);
            }
        } else {
            ram.words[Ram.IN_LENGTH] = 0;
            session[Ram.CLA] = cla;
            Util.arrayCopyNonAtomic(buffer, ISO7816.OFFSET_INS, session, Ram.INS, INS_P1_P2);
        }
        if (takesData) {
            receiveData(apdu, buffer);
        } else if (partial) {
            refuse(Spec.SW_CHAINING);
        } else if ((byte) (APDU.getProtocol() & PROTOCOL_TYPE) != APDU.PROTOCOL_T0
                && apdu.setIncomingAndReceive() != 0) {
            // In T=0, P3 of such a command is Le, and receiving data would consume it.
            refuse(Spec.SW_WRONG_LENGTH);
        }
        session[Ram.CHAINING] = (byte) (partial ? 1 : 0);
        return !partial;
    }

    private void receiveData(APDU apdu, byte[] buffer) {
        short part = apdu.setIncomingAndReceive();
        short offset = apdu.getOffsetCdata();
        short have = ram.words[Ram.IN_LENGTH];
        short length = apdu.getIncomingLength();
        if (length < 0 || length > (short) (Spec.MAX_COMMAND - have)) {
            refuse(Spec.SW_WRONG_LENGTH);
        }
        short end = (short) (have + length);
        byte[] in = ram.in;
        while (part > 0) {
            have = Util.arrayCopyNonAtomic(buffer, offset, in, have, part);
            if (have == end) {
                break;
            }
            part = apdu.receiveBytes(offset);
        }
        ram.words[Ram.IN_LENGTH] = have;
    }

    /** Makes bytes of Ram.out the response to the command. */
    void respond(short offset, short length) {
        ram.words[Ram.OUT_OFFSET] = offset;
        ram.words[Ram.OUT_LEFT] = length;
    }

    /**
     * Drops what GET RESPONSE would have fetched: another command comes, in clear, which ends
     * secure messaging.
     */
    void dropResponse() {
        ram.words[Ram.OUT_LEFT] = 0;
        ram.session[Ram.SECURED] = 0;
        ram.session[Ram.BY_PHONE] = 0;
    }

    /**
     * GET RESPONSE: the next part of an answer that one APDU could not carry.
     */
    void requireResponse() {
        if (Util.getShort(ram.session, Ram.P1) != Spec.P1P2_GET_RESPONSE) {
            ISOException.throwIt(Spec.SW_PARAMETERS);
        }
        if (ram.words[Ram.OUT_LEFT] == 0) {
            dropResponse();
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
    }

    /** Sends as much of the response as the reader asked for, and announces the rest by 61xx. */
    void send(APDU apdu) {
        short left = ram.words[Ram.OUT_LEFT];
        if (left == 0) {
            return;
        }
        short length = apdu.setOutgoing();
        if (length > left) {
            length = left;
        }
        apdu.setOutgoingLength(length);
        short offset = ram.words[Ram.OUT_OFFSET];
        if (length > 0) {
            apdu.sendBytesLong(ram.out, offset, length);
        }
        left -= length;
        ram.words[Ram.OUT_LEFT] = left;
        if (left != 0) {
            ram.words[Ram.OUT_OFFSET] = (short) (offset + length);
            ISOException.throwIt((short) (Spec.SW_MORE_DATA | (left < SHORT_RESPONSE ? left : 0)));
        }
    }
}
