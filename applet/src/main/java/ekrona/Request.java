package ekrona;

import javacard.framework.ISOException;

/**
 * REQUEST: asks for an amount. The request is open from the commit on, and reserves what its
 * Payment needs; a power cut before it leaves nothing, one after it an open request that READ
 * RECORD returns and REFUSE closes.
 */
final class Request extends Command {
    private static final short AMOUNT = Spec.REQUEST_DATA_OFFSET_AMOUNT;
    private static final short CURRENCY = Spec.REQUEST_DATA_OFFSET_CURRENCY;
    private static final short PAYER = Spec.REQUEST_DATA_OFFSET_PAYER;

    /** A quarter of the slots is kept for those who have the PIN. */
    private static final short KEPT_SHIFT = (short) 2;

    Request(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    void run() {
        byte[] in = ram.in;
        byte[] out = ram.out;
        byte[] state = ram.state;
        requireParameters(Spec.P1P2_REQUEST);
        requireActive();
        requirePinToReceive();
        boolean named = ram.words[Ram.IN_LENGTH] == Spec.REQUEST_DATA_LENGTH_MAX;
        Tlv.requireAll(in, (short) 0, ram.words[Ram.IN_LENGTH],
                named ? Spec.REQUEST_DATA_FRAME_MAX : Spec.REQUEST_DATA_FRAME_MIN,
                named ? Spec.REQUEST_DATA_LENGTH_MAX : Spec.REQUEST_DATA_LENGTH_MIN);
        Messages.requireNotZero(in, AMOUNT);
        requireCurrency(in, CURRENCY);
        if (named) {
            Messages.requireId(in, PAYER, Spec.DEVICE_ID_LENGTH);
            if (isThisDevice(in, PAYER)) {
                ISOException.throwIt(Spec.SW_SELF);
            }
        }
        device.certificates.requireOwnNotExpired();
        if (device.requests.count() >= Spec.MAX_OPEN_REQUESTS) {
            ISOException.throwIt(Spec.SW_OPEN_REQUESTS);
        }
        // Who has no PIN cannot fill the log.
        device.limits.requireTransaction(
                device.pins.isVerified() ? 0 : (short) (device.log.slots() >> KEPT_SHIFT));
        device.limits.requirePayment(in, AMOUNT);
        if (!device.limits.fitsMaxBalance(in, AMOUNT)
                || !device.limits.fitsReceived(in, AMOUNT)) {
            ISOException.throwIt(Spec.SW_BALANCE_LIMIT);
        }
        if (!U32.increment(state, Nvm.REQUEST_NUMBER)) {
            ISOException.throwIt(Spec.SW_OPEN_REQUESTS); // the last number has been given out
        }

        short next = Messages.begin(out, (short) 0, Spec.TAG_REQUEST,
                named ? Spec.REQUEST_CONTENT_LENGTH_MAX : Spec.REQUEST_CONTENT_LENGTH_MIN);
        next = Tlv.put(out, next, Spec.TAG_PAYEE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_NUMBER, state, Nvm.REQUEST_NUMBER, Spec.COUNTER_LENGTH);
        next = Tlv.open(out, next, Spec.TAG_RANDOM, Messages.RANDOM_LENGTH);
        device.engines.random.generateData(out, next, Messages.RANDOM_LENGTH);
        next = Tlv.put(out, (short) (next + Messages.RANDOM_LENGTH), Spec.TAG_AMOUNT, in, AMOUNT,
                Spec.AMOUNT_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_CURRENCY, in, CURRENCY, Messages.CURRENCY_LENGTH);
        if (named) {
            next = Tlv.put(out, next, Spec.TAG_DEVICE, in, PAYER, Spec.DEVICE_ID_LENGTH);
        }
        short length = device.engines.signMessage(out, (short) 0, next);
        short entry = device.requests.open(in, AMOUNT);

        device.requests.store(entry, out, (short) 0, length);
        nvm.store();
        device.channel.respond((short) 0, length);
    }
}
