package probe.managed;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Shareable;
import javacard.framework.Util;
import org.globalplatform.CVM;
import org.globalplatform.GPRegistryEntry;
import org.globalplatform.GPSystem;
import org.globalplatform.GlobalService;
import org.globalplatform.Personalization;
import org.globalplatform.SecureChannel;
import org.globalplatform.SecureChannelx;
import org.globalplatform.SecureChannelx2;

/**
 * An applet that a card manager serves: its life cycle state, its registry entry, its security
 * domain's secure channel, and data from the domain. With the privilege it serves the global PIN to
 * others.
 */
public final class ManagedApplet extends Applet implements Personalization, GlobalService {
    static final byte STATE = 0x10;
    static final byte SET_STATE = 0x11;
    static final byte ENTRY = 0x12;
    static final byte CARD = 0x13;
    static final byte LEVEL = 0x14;
    static final byte ECHO = 0x15;
    static final byte SENSITIVE = 0x16;
    static final byte SERVICE = 0x17;
    static final byte STORED = 0x18;

    private final byte stateInInstall;
    private final GlobalPIN pin = new GlobalPIN();
    private final byte[] stored = new byte[64];
    private short storedLength;
    private SecureChannel channel;

    private ManagedApplet() {
        stateInInstall = GPSystem.getCardContentState();
    }

    public static void install(byte[] array, short offset, byte length) {
        new ManagedApplet().register(array, (short) (offset + 1), array[offset]);
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return parameter == GPSystem.GLOBAL_SERVICE_IDENTIFIER ? this : null;
    }

    public Shareable getServiceInterface(GPRegistryEntry client, short name, byte[] buffer,
            short offset, short length) {
        pin.lastClient = client.getState();
        return pin;
    }

    public short processData(byte[] in, short inOffset, short inLength, byte[] out,
            short outOffset) {
        if (in[(short) (inOffset + ISO7816.OFFSET_LC)] > (byte) stored.length) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
        storedLength = Util.arrayCopy(in, inOffset, stored, (short) 0, inLength);
        out[outOffset] = (byte) 0x5A;
        return 1;
    }

    public void deselect() {
        if (channel != null) {
            channel.resetSecurity();
        }
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        if (channel == null) {
            channel = GPSystem.getSecureChannel();
        }
        byte[] buffer = apdu.getBuffer();
        byte instruction = buffer[ISO7816.OFFSET_INS];
        if (instruction == 0x50 || instruction == (byte) 0x82 || instruction == 0x7A) {
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, channel.processSecurity(apdu));
            return;
        }
        short length = apdu.setIncomingAndReceive();
        if (channel != null) {
            length = (short) (channel.unwrap(buffer, (short) 0, (short) (length + 5)) - 5);
        }
        short out = run(buffer, length);
        if (channel != null && channel.getSecurityLevel() != SecureChannel.NO_SECURITY_LEVEL) {
            Util.setShort(buffer, out, ISO7816.SW_NO_ERROR);
            out = channel.wrap(buffer, (short) 0, (short) (out + 2));
        }
        apdu.setOutgoingAndSend((short) 0, out);
    }

    private short run(byte[] buffer, short length) {
        byte which = buffer[ISO7816.OFFSET_P1];
        byte more = buffer[ISO7816.OFFSET_P2];
        switch (buffer[ISO7816.OFFSET_INS]) {
            case STATE:
                buffer[0] = GPSystem.getCardState();
                buffer[1] = GPSystem.getCardContentState();
                buffer[2] = stateInInstall;
                return 3;
            case SET_STATE:
                return answer(buffer, GPSystem.setCardContentState(which));
            case ENTRY:
                return entry(which, more, buffer, length);
            case CARD:
                return answer(buffer,
                        which == 0 ? GPSystem.lockCard() : which == 1 ? GPSystem.terminateCard()
                    : GPSystem.setATRHistBytes(buffer, (short) 0, (byte) 4));
            case LEVEL:
                if (which != 0) {
                    ((SecureChannelx) channel).setSecurityLevel(more);
                }
                buffer[0] = channel.getSecurityLevel();
                buffer[1] = (byte) (channel instanceof SecureChannelx2 ? 1 : 0);
                return 2;
            case ECHO:
                return Util.arrayCopyNonAtomic(buffer, ISO7816.OFFSET_CDATA, buffer, (short) 0,
                        length);
            case SENSITIVE:
                length = which == 0 ? channel.decryptData(buffer, ISO7816.OFFSET_CDATA, length)
                    : channel.encryptData(buffer, ISO7816.OFFSET_CDATA, length);
                return Util.arrayCopyNonAtomic(buffer, ISO7816.OFFSET_CDATA, buffer, (short) 0,
                        length);
            case SERVICE:
                return service(which, more, buffer, length);
            case STORED:
                return Util.arrayCopyNonAtomic(stored, (short) 0, buffer, (short) 0, storedLength);
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
                return 0;
        }
    }

    private static short answer(byte[] buffer, boolean what) {
        buffer[0] = (byte) (what ? 1 : 0);
        return 1;
    }

    /** The registry entry of the applet whose AID is the data, of this one without data. */
    private short entry(byte which, byte more, byte[] buffer, short length) {
        AID wanted = length == 0 ? null : new AID(buffer, ISO7816.OFFSET_CDATA, (byte) length);
        GPRegistryEntry entry = GPSystem.getRegistryEntry(wanted);
        if (entry == null) {
            ISOException.throwIt(ISO7816.SW_RECORD_NOT_FOUND);
        }
        switch (which) {
            case 0:
                return entry.getAID().getBytes(buffer, (short) 0);
            case 1:
                return entry.getPrivileges(buffer, (short) 0);
            case 2:
                buffer[0] = entry.getState();
                return 1;
            case 3:
                return answer(buffer, entry.isPrivileged(more));
            case 4:
                return answer(buffer, entry.setState(more));
            case 5:
                return answer(buffer, entry.isAssociated(JCSystem.getAID()));
            case 6:
                return answer(buffer, entry == GPSystem.getRegistryEntry(wanted));
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return 0;
        }
    }

    /** Serves the global PIN, or uses the one that another applet serves. */
    private short service(byte which, byte more, byte[] buffer, short length) {
        short name = (short) (GPSystem.FAMILY_CVM << 8 | GPSystem.CVM_GLOBAL_PIN);
        switch (which) {
            case 0:
                GPSystem.getRegistryEntry(null).registerService(name);
                return 0;
            case 1:
                GPSystem.getRegistryEntry(null).deregisterService(name);
                return 0;
            case 2: {
                CVM cvm = GPSystem.getCVM(GPSystem.CVM_GLOBAL_PIN);
                if (cvm == null) {
                    ISOException.throwIt(ISO7816.SW_RECORD_NOT_FOUND);
                }
                buffer[0] = (byte) cvm.verify(buffer, ISO7816.OFFSET_CDATA, (byte) length,
                        CVM.FORMAT_HEX);
                buffer[1] = cvm.getTriesRemaining();
                return 2;
            }
            case 3:
                return answer(buffer, GPSystem.getService(null, name) != null);
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return 0;
        }
    }
}
