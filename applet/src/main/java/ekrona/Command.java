package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * One command of the applet. All its data are in Ram.in, and the working copy of the state is in
 * Ram.state. It checks first, then computes in RAM, then writes at one moment, and sets its
 * response last: a power cut at any point leaves all of what the command does, or nothing, and
 * every command can be repeated.
 */
abstract class Command {
    /** Class byte of the command's row in the spec. */
    final byte cla;
    /** Whether the command has data. */
    final boolean takesData;

    final Device device;
    final Ram ram;
    final Nvm nvm;

    Command(Device device, byte cla, boolean takesData) {
        this.device = device;
        this.cla = cla;
        this.takesData = takesData;
        ram = device.ram;
        nvm = device.nvm;
    }

    abstract void run();

    /** Answers with stored bytes. */
    final void answer(byte[] stored, short offset, short length) {
        Util.arrayCopyNonAtomic(stored, offset, ram.out, (short) 0, length);
        device.channel.respond((short) 0, length);
    }

    final short parameters() {
        return Util.getShort(ram.session, Ram.P1);
    }

    final void requireParameters(short p1p2) {
        if (parameters() != p1p2) {
            ISOException.throwIt(Spec.SW_PARAMETERS);
        }
    }

    /** Requires that the card is active, blocked or closed. */
    final void requireActivated() {
        if (ram.state[Nvm.LIFE] < Spec.LIFE_ACTIVE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
    }

    final void requireActive() {
        requireActivated();
        byte life = ram.state[Nvm.LIFE];
        if (life == Spec.LIFE_BLOCKED) {
            ISOException.throwIt(Spec.SW_BLOCKED);
        }
        if (life == Spec.LIFE_CLOSED) {
            ISOException.throwIt(Spec.SW_CLOSED);
        }
    }

    final void requirePin() {
        if (!device.pins.isVerified()) {
            ISOException.throwIt(Spec.SW_SECURITY);
        }
    }

    final void requirePinToReceive() {
        if (device.limits.hasFlag(Spec.FLAG_PIN_TO_RECEIVE)) {
            requirePin();
        }
    }

    /**
     * Requires the owner, by PIN, or the card's own intermediary, by a Challenge answered in this
     * session.
     */
    final void requireOwnerOrIntermediary() {
        if (ram.session[Ram.STATE_ANSWERED] == 0) {
            requirePin();
        }
    }

    /** Requires that an id is this device's. */
    final void requireAddressee(byte[] b, short id) {
        if (!isThisDevice(b, id)) {
            ISOException.throwIt(Spec.SW_ADDRESSEE);
        }
    }

    final boolean isThisDevice(byte[] b, short id) {
        return Util.arrayCompare(b, id, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH) == 0;
    }

    final void requireCurrency(byte[] b, short currency) {
        if (Util.arrayCompare(b, currency, nvm.identity, Nvm.CURRENCY,
                Messages.CURRENCY_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_CURRENCY);
        }
    }
}
