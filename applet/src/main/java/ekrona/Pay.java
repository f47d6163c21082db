package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * PAY: pays a Request, once. A power cut before the commit leaves nothing but the payee's key in a
 * scratch object, and perhaps a try of the PIN; after it the debit stands, and the same Request
 * returns the same Payment.
 *
 * <p>The enciphered variants carry the PIN for this Request alone, and their answer is enciphered
 * (PayTransport). What a stranger could cause is refused in clear and before the PIN; from the PIN
 * on the outcome is known to the sender only.
 */
final class Pay extends SecretCommand {
    private static final short NONE = (short) -1;

    // The first two runs of a Payment's frame: to the payer's id, and from there to ATC.
    private static final short TO_PAYER =
            (short) (Messages.PAYMENT_HEADER + Spec.PAYMENT_OFFSET_PAYER);
    private static final short TO_ATC = (short) (Spec.PAYMENT_OFFSET_ATC
            - Spec.PAYMENT_OFFSET_PAYER - Spec.DEVICE_ID_LENGTH);

    private final PayTransport transport;

    Pay(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
        transport = new PayTransport(device);
    }

    void work() {
        byte[] in = ram.in;
        boolean clear = parameters() == Spec.P1P2_PAY;
        boolean batch = parameters() == Spec.P1P2_PAY_BATCH;
        if (!clear && !batch) {
            requireParameters(Spec.P1P2_PAY_OWN_PHONE);
        }
        requireActivated();
        short end = ram.words[Ram.IN_LENGTH];
        short requestEnd = Messages.request(in, (short) 0, end);
        if (clear) {
            short certificate = device.certificates.device(requestEnd);
            requirePin();
            byte[] earlier = find();
            if (earlier != null && isSameRequest(earlier)) {
                answer(earlier, Log.HEADER_LENGTH, Log.lengthOf(earlier));
                return;
            }
            device.channel.respond(Ram.RECORD, pay(certificate, requestEnd, earlier, NONE));
            return;
        }
        short certificateEnd = (short) (requestEnd + Spec.DEVICE_CERTIFICATE_LENGTH);
        boolean withPin = transport.read(certificateEnd, end);
        short certificate = device.certificates.device(requestEnd, certificateEnd);
        byte[] earlier = find();
        boolean same = earlier != null && isSameRequest(earlier);
        short bodyLength = (short) (requestEnd - Messages.SIGNATURE);
        if (same && earlier == device.log.slot(device.log.count())) {
            transport.agree(batch, certificateEnd, bodyLength);
            transport.answer(copyRecord(earlier));
            return;
        }
        if (!withPin) {
            ISOException.throwIt(Spec.SW_SECURITY);
        }
        short ca = device.certificates.requireKnownCA(certificate);
        requirePayee(certificate);
        device.certificates.requireSigned(certificate, ca, bodyLength);
        transport.requireFresh();
        transport.agree(batch, certificateEnd, bodyLength);
        transport.decipher(certificateEnd);
        ram.session[Ram.NONCE_VALID] = 0;
        short length;
        try {
            device.pins.requireBlock((short) 0, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
            device.pins.presentPin();
            length = same ? copyRecord(earlier) : pay(certificate, requestEnd, earlier, ca);
        } catch (ISOException e) {
            device.pins.forget();
            transport.refuse(e.getReason(), bodyLength);
            return;
        }
        device.pins.forget(); // this PIN was for this Request
        transport.answer(length);
    }

    /** The slot with a Payment to the same payee with the same number, or null. */
    private byte[] find() {
        return device.log.find(Log.PAYMENT,
                (short) (Messages.PAYMENT_REQUEST + Messages.REQUEST_HEADER
                        + Spec.REQUEST_OFFSET_PAYEE),
                ram.in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYEE),
                (short) (Spec.REQUEST_OFFSET_NUMBER + Spec.COUNTER_LENGTH
                        - Spec.REQUEST_OFFSET_PAYEE));
    }

    /** Copies a slot's record to ram.out at Ram.RECORD. Returns its length. */
    private short copyRecord(byte[] slot) {
        short length = Log.lengthOf(slot);
        Util.arrayCopyNonAtomic(slot, Log.HEADER_LENGTH, ram.out, Ram.RECORD, length);
        return length;
    }

    /**
     * Pays. What was verified before the PIN is not verified again: then ca is the payee's.
     *
     * @return the length of the Payment, which is in ram.out at Ram.RECORD
     */
    private short pay(short certificate, short requestEnd, byte[] earlier, short verifiedCA) {
        byte[] in = ram.in;
        requireActive();
        if (earlier != null) {
            ISOException.throwIt(Spec.SW_REQUEST_REUSED);
        }
        // The CA comes first, since the reader can load it and repeat the command.
        short ca = verifiedCA;
        if (ca < 0) {
            ca = device.certificates.requireKnownCA(certificate);
            requireParties();
            requirePayee(certificate);
        } else {
            requireParties();
        }
        requireCurrency(in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_CURRENCY));
        boolean desk = requireRole(certificate);
        requireLimits(certificate, ca, desk);
        if (verifiedCA < 0) {
            device.certificates.requireSigned(certificate, ca,
                    (short) (requestEnd - Messages.SIGNATURE));
        }

        short length = compose(requestEnd);
        U32.putDifference(ram.state, Nvm.BALANCE, in,
                (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT),
                ram.state, Nvm.BALANCE);
        device.log.appendPayment(length);
        device.authorities.store(ca);

        device.log.store();
        nvm.store();
        device.pins.forget(); // a verified PIN serves one debit
        return length;
    }

    private boolean isSameRequest(byte[] slot) {
        return Util.arrayCompare(slot, (short) (Log.HEADER_LENGTH + Messages.PAYMENT_REQUEST),
                ram.in, (short) 0, Messages.requestBodyLength(ram.in, (short) 0)) == 0;
    }

    /** Requires that the payer, if named, is this card, and that the payee is another device. */
    private void requireParties() {
        byte[] in = ram.in;
        if (Messages.namesPayer(in, (short) 0)) {
            requireAddressee(in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYER));
        }
        if (isThisDevice(in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYEE))) {
            ISOException.throwIt(Spec.SW_SELF);
        }
    }

    /** Requires that the certificate is the payee's. */
    private void requirePayee(short certificate) {
        byte[] in = ram.in;
        short payee = (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYEE);
        if (Util.arrayCompare(in, payee, in,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER),
                Spec.DEVICE_ID_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_ADDRESSEE);
        }
    }

    /**
     * Requires a certificate's holder whom this card may pay.
     *
     * @return true when it is the unload desk of the card's own intermediary and names this card
     */
    private boolean requireRole(short certificate) {
        byte[] in = ram.in;
        device.certificates.requireOwnName(certificate);
        byte role = in[(short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_ROLE)];
        boolean desk = role == Spec.ROLE_DESK;
        boolean allowed;
        if (desk) {
            allowed = Messages.namesPayer(in, (short) 0)
                    && Util.arrayCompare(in,
                            (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER),
                            nvm.identity, Nvm.DEVICE, Spec.NAME_LENGTH) == 0;
        } else {
            allowed = nvm.identity[Nvm.ROLE] == Spec.ROLE_CARD
                    && (role == Spec.ROLE_CARD || role == Spec.ROLE_SAM
                            || role == Spec.ROLE_TERMINAL);
        }
        if (!allowed) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
        return desk;
    }

    private void requireLimits(short certificate, short ca, boolean desk) {
        byte[] in = ram.in;
        short amount = (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT);
        if (!desk) { // unloading is stopped neither by expiry nor by the limits for payments
            device.certificates.requireNotExpired(certificate, ca);
            device.certificates.requireOwnNotExpired();
        }
        device.limits.requireTransaction((short) 0);
        if (!desk) {
            device.limits.requirePayment(in, amount);
        }
        device.limits.requireFunds(in, amount);
        device.log.countPayment(in, amount);
        device.limits.requireSpendable(in, amount, desk);
    }

    /**
     * Writes the signed Payment to ram.out at Ram.RECORD, and its identity to scratch. Returns its
     * length.
     */
    private short compose(short requestLength) {
        byte[] out = ram.out;
        byte[] frame = requestLength == Spec.REQUEST_LENGTH_MAX
                ? Spec.PAYMENT_FRAME_MAX : Spec.PAYMENT_FRAME_MIN;
        short next = Util.arrayCopyNonAtomic(frame, (short) 1, out, Ram.RECORD, TO_PAYER);
        next = Util.arrayCopyNonAtomic(nvm.identity, Nvm.DEVICE, out, next, Spec.DEVICE_ID_LENGTH);
        next = Util.arrayCopyNonAtomic(frame, (short) (TO_PAYER + 3), out, next, TO_ATC);
        next = device.log.takeNumber(out, next);
        next = Util.arrayCopyNonAtomic(ram.in, (short) 0, out, next, requestLength);
        return (short) (device.engines.signMessage(out, Ram.RECORD, next) - Ram.RECORD);
    }
}
