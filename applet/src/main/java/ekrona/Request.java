package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * REQUEST: asks for an amount. The request is open from the commit on, and reserves what its
 * Payment needs; a power cut before it leaves nothing, one after it an open request that READ
 * RECORD returns and REFUSE closes.
 */
final class Request extends Command {
    private static final short AMOUNT = Spec.REQUEST_DATA_OFFSET_AMOUNT;
    private static final short CURRENCY = Spec.REQUEST_DATA_OFFSET_CURRENCY;
    private static final short PAYER = Spec.REQUEST_DATA_OFFSET_PAYER;

    /** Where out has the random bytes of the message. */
    private static final short RANDOM = (short) (OpenRequests.HEADER_LENGTH
            + Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_RANDOM);

    /** A quarter of the slots is kept for the owner. */
    private static final short KEPT_SHIFT = (short) 2;

    Request(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    short check() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_REQUEST);
        requireActive();
        requireReceiver();
        boolean named = isNamed();
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
        // Nobody but the owner can fill the log.
        boolean owner = ram.session[Ram.BY_PHONE] == Ram.YES || device.pins.isVerified();
        device.limits.requireTransaction(
                owner ? 0 : (short) (device.log.slots() >> KEPT_SHIFT), Limits.NO_DAY);
        device.limits.requirePayment(in, AMOUNT, Limits.NO_DAY);
        if (!device.limits.fitsMaxBalance(in, AMOUNT, Limits.NO_DAY)
                || !device.limits.fitsReceived(in, AMOUNT)) {
            ISOException.throwIt(Spec.SW_BALANCE_LIMIT);
        }
        if (!U32.increment(ram.state, Nvm.REQUEST_NUMBER)) {
            ISOException.throwIt(Spec.SW_OPEN_REQUESTS); // the last number has been given out
        }
        // Drawn among the checks, since it can fail.
        device.engines.draw(ram.scratch, Ram.KEY, Messages.RANDOM_LENGTH);
        return CHANGE;
    }

    private boolean isNamed() {
        return ram.words[Ram.IN_LENGTH] == Spec.REQUEST_DATA_LENGTH_MAX;
    }

    void apply() {
        U32.increment(ram.state, Nvm.REQUEST_NUMBER);
        device.requests.open(ram.in, AMOUNT);
    }

    void compose() {
        byte[] in = ram.in;
        byte[] out = ram.out;
        boolean named = isNamed();
        short next = Messages.begin(out, OpenRequests.HEADER_LENGTH, Spec.TAG_REQUEST,
                named ? Messages.CONTENT_WITH_PAYER : Spec.REQUEST_CONTENT_LENGTH_MIN);
        next = Tlv.put(out, next, Spec.TAG_PAYEE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_NUMBER, ram.state, Nvm.REQUEST_NUMBER,
                Spec.COUNTER_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_RANDOM, ram.scratch, Ram.KEY, Messages.RANDOM_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_AMOUNT, in, AMOUNT, Spec.AMOUNT_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_CURRENCY, in, CURRENCY, Messages.CURRENCY_LENGTH);
        if (named) {
            next = Tlv.put(out, next, Spec.TAG_DEVICE, in, PAYER, Spec.DEVICE_ID_LENGTH);
        }
        composed(OpenRequests.HEADER_LENGTH, next);
    }

    void seal() {
        guard.require(!Engines.isZero(ram.out, RANDOM, Messages.RANDOM_LENGTH));
        sign();
        Util.arrayCopyNonAtomic(ram.scratch, Ram.IDENTITY, ram.out, (short) 0, Spec.HASH_LENGTH);
    }

    void write() {
        device.requests.store(ram.out, ram.words[Ram.BODY_END]);
    }

    boolean isAsComputed() {
        guard.requireSigned();
        return device.requests.isStored(ram.out, ram.words[Ram.BODY_END])
                && Util.arrayCompare(ram.scratch, Ram.IDENTITY, ram.out, (short) 0,
                        Spec.HASH_LENGTH) == 0;
    }
}
