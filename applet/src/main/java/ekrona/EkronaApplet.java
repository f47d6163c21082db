package ekrona;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacardx.apdu.ExtendedLength;

/**
 * The offline e-krona on a card or a SAM. This class installs the applet and passes each command to
 * its class; start reading at Pay, the others are like it. Storage is in Ram and Nvm, crypto in
 * Engines, the encoding of what is on the wire in Channel, Tlv and Messages. The table of commands,
 * layouts and status words is the spec from which Spec is generated; the protocol document gives
 * the rules.
 *
 * <p>Everything is allocated at install, nothing afterwards. An exception that the platform throws
 * reaches the reader as 6F00, and the command's transaction is rolled back.
 */
public final class EkronaApplet extends Applet implements ExtendedLength {
    private final Device device;
    private final Select select;
    private final GetResponse getResponse;
    private final Verify verify;
    private final ChangeReferenceData changeReferenceData;
    private final ResetRetryCounter resetRetryCounter;
    private final GetChallenge getChallenge;
    private final VerifyCertificate verifyCertificate;
    private final GenerateKeyPair generateKeyPair;
    private final PutData putData;
    private final Activate activate;
    private final Request request;
    private final Pay pay;
    private final Accept accept;
    private final Refuse refuse;
    private final GetState getState;
    private final Instruction instruction;
    private final ReadRecord readRecord;
    private final GetData getData;

    private EkronaApplet(byte[] b, short aid, short data) {
        device = new Device(Installation.slots(b, data));
        Installation.write(device.nvm, b, data);
        select = new Select(device, b, (short) (aid + 1), b[aid]);
        getResponse = new GetResponse(device);
        verify = new Verify(device);
        changeReferenceData = new ChangeReferenceData(device);
        resetRetryCounter = new ResetRetryCounter(device);
        getChallenge = new GetChallenge(device);
        verifyCertificate = new VerifyCertificate(device);
        generateKeyPair = new GenerateKeyPair(device);
        putData = new PutData(device);
        activate = new Activate(device);
        request = new Request(device);
        pay = new Pay(device);
        accept = new Accept(device);
        refuse = new Refuse(device);
        getState = new GetState(device);
        instruction = new Instruction(device);
        readRecord = new ReadRecord(device);
        getData = new GetData(device);
    }

    /**
     * Makes the applet's one instance: instance AID, control information and applet data in b, each
     * after its length (JCRE 3.0.4 section 3.1; GPC 2.3.1 section 11.5.2.3.7). Parameters that are
     * not those of the spec are refused before anything is made.
     */
    public static void install(byte[] b, short offset, byte length) {
        short end = (short) (offset + (short) (length & 0xFF));
        short aid = offset;
        short control = Installation.skip(b, aid, end);
        short data = Installation.skip(b, control, end);
        Installation.check(b, data, end);
        new EkronaApplet(b, aid, (short) (data + 1)).register(b, (short) (aid + 1), b[aid]);
    }

    /**
     * Begins a session without a verified PIN, and applies a reset of the tries that a power cut
     * left pending.
     */
    public boolean select() {
        device.authorities.begin();
        device.pins.forget();
        device.pins.applyTryReset();
        return true;
    }

    public void process(APDU apdu) {
        byte[] header = apdu.getBuffer();
        if (selectingApplet()) {
            device.nvm.load();
            select.run();
            device.channel.send(apdu);
            return;
        }
        if (header[ISO7816.OFFSET_INS] != Spec.INS_GET_RESPONSE) {
            device.channel.dropResponse();
        }
        byte cla = device.channel.checkClass(header[ISO7816.OFFSET_CLA]);
        Command command = command(header[ISO7816.OFFSET_INS]);
        if (command.cla != cla) {
            device.channel.refuse(Spec.SW_CLASS);
        }
        if (device.channel.receive(apdu, cla, command.takesData)) {
            device.nvm.load();
            command.run();
            device.channel.send(apdu);
        }
    }

    private Command command(byte ins) {
        switch (ins) {
            case Spec.INS_VERIFY:
                return verify;
            case Spec.INS_PAY:
                return pay;
            case Spec.INS_REQUEST:
                return request;
            case Spec.INS_ACCEPT:
                return accept;
            case Spec.INS_REFUSE:
                return refuse;
            case Spec.INS_GET_STATE:
                return getState;
            case Spec.INS_INSTRUCTION:
                return instruction;
            case Spec.INS_READ_RECORD:
                return readRecord;
            case Spec.INS_GET_DATA:
                return getData;
            case Spec.INS_GET_RESPONSE:
                return getResponse;
            case Spec.INS_PSO_VERIFY_CERTIFICATE:
                return verifyCertificate;
            case Spec.INS_GET_CHALLENGE:
                return getChallenge;
            case Spec.INS_CHANGE_REFERENCE_DATA:
                return changeReferenceData;
            case Spec.INS_RESET_RETRY_COUNTER:
                return resetRetryCounter;
            case Spec.INS_GENERATE_ASYMMETRIC_KEY_PAIR:
                return generateKeyPair;
            case Spec.INS_PUT_DATA:
                return putData;
            case Spec.INS_ACTIVATE:
                return activate;
            default:
                device.channel.refuse(Spec.SW_INSTRUCTION_UNKNOWN);
                return null;
        }
    }
}
