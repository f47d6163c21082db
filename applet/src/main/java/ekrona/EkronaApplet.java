package ekrona;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacardx.apdu.ExtendedLength;

/**
 * The offline e-krona on a card or a SAM. This class installs the applet and passes each command to
 * its class; start reading at Command and Pay, the others are like it. Storage is in Ram and Nvm,
 * crypto in Engines, what makes single faults useless in Guard, the encoding of what is on the wire
 * in Channel, Tlv and Messages. The table of commands, layouts and status words is the spec from
 * which Spec is generated; the protocol document gives the rules.
 *
 * <p>Everything is allocated at install, nothing afterwards. An exception that the platform throws
 * reaches the reader as 6F00, and the command's transaction is rolled back.
 */
public final class EkronaApplet extends Applet implements ExtendedLength {
    private final Device device;
    private final Selection selection;
    private final Commands commands;

    private EkronaApplet(byte[] b, short aid, short data) {
        device = new Device(Installation.slots(b, data));
        Installation.write(device.nvm, b, data);
        selection = new Selection(device, b, (short) (aid + 1), b[aid]);
        commands = new Commands(device);
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
        device.guard.requireNotMuted();
        if (selectingApplet()) {
            device.channel.keepParameters(header);
            selection.run();
            device.channel.send(apdu);
            return;
        }
        byte cla = device.channel.checkClass(header[ISO7816.OFFSET_CLA]);
        if (header[ISO7816.OFFSET_INS] == Spec.INS_GET_RESPONSE) {
            processGetResponse(apdu, cla);
            return;
        }
        Command command = commands.find(header[ISO7816.OFFSET_INS]);
        if (command == null) {
            device.channel.refuse(Spec.SW_INSTRUCTION_UNKNOWN);
        }
        if (command.cla != cla) {
            processSecured(apdu, cla, command);
            return;
        }
        device.channel.dropResponse();
        if (device.channel.receive(apdu, cla, command.takesData)) {
            command.run();
            device.channel.send(apdu);
        }
    }

    /** As process, for what is no command of its own: the next part of an answer. */
    private void processGetResponse(APDU apdu, byte cla) {
        if (cla != Spec.CLA_INTERINDUSTRY) {
            device.channel.refuse(cla == (byte) (Spec.CLA_INTERINDUSTRY | Spec.CLA_SECURED)
                    ? Spec.SW_SECURE_MESSAGING : Spec.SW_CLASS);
        }
        if (device.channel.receive(apdu, cla, false)) {
            device.channel.requireResponse();
            device.channel.send(apdu);
        }
    }

    /**
     * As process, for a class byte that is not the command's own: the paired phone's. Those
     * commands are refused that open secure messaging or end it, and PAY, which enciphers for
     * itself.
     */
    private void processSecured(APDU apdu, byte cla, Command command) {
        if (cla != (byte) (command.cla | Spec.CLA_SECURED)) {
            device.channel.refuse(Spec.SW_CLASS);
        }
        if (!Commands.isSecured(apdu.getBuffer()[ISO7816.OFFSET_INS])) {
            device.channel.refuse(Spec.SW_SECURE_MESSAGING);
        }
        device.channel.respond((short) 0, (short) 0);
        if (device.channel.receive(apdu, cla, true)) {
            device.secureMessaging.run(command);
            device.channel.send(apdu);
        }
    }
}
