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
final class Pay extends Command {
    // Plans. Those that pay have the same lower byte.
    private static final byte PAYS = (byte) 0xC5;
    private static final short LOWER = (short) (Ram.PLAN + 1);
    private static final short PAY = (short) 0x36C5;
    private static final short PAY_ENCIPHERED = (short) 0x59C5;
    private static final short RESEND = (short) 0xA35C;
    private static final short RESEND_ENCIPHERED = (short) 0xC99A;
    private static final short RESEND_LAST_ENCIPHERED = (short) 0x95A6;
    private static final short REFUSE_ENCIPHERED = (short) 0x6A33;

    // The first two runs of a Payment's frame: to the payer's id, and from there to ATC.
    private static final short TO_PAYER =
            (short) (Messages.PAYMENT_HEADER + Spec.PAYMENT_OFFSET_PAYER);
    private static final short TO_ATC = (short) (Spec.PAYMENT_OFFSET_ATC
            - Spec.PAYMENT_OFFSET_PAYER - Spec.DEVICE_ID_LENGTH);

    private static final short AMOUNT =
            (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT);

    private final PayTransport transport;

    Pay(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
        transport = new PayTransport(device);
    }

    short check() {
        short parameters = parameters();
        boolean batch = parameters == Spec.P1P2_PAY_BATCH;
        boolean clear = false;
        if (!batch && parameters != Spec.P1P2_PAY_OWN_PHONE) {
            requireParameters(Spec.P1P2_PAY);
            clear = true;
        }
        requireActivated();
        short requestEnd = Messages.request(ram.in, ram.words[Ram.IN_LENGTH]);
        Util.setShort(ram.scratch, Ram.END, requestEnd);
        return clear ? checkClear(requestEnd) : checkEnciphered(batch, requestEnd);
    }

    private short checkClear(short requestEnd) {
        short certificate = device.certificates.device(requestEnd, ram.words[Ram.IN_LENGTH]);
        requireDateByRole(certificate);
        requirePin();
        short earlier = find();
        if (isSameRequest(earlier)) {
            return RESEND;
        }
        requireNew(earlier);
        // The CA comes first, since the reader can load it and repeat the command.
        short ca = requireKnownCA(certificate);
        requireParties();
        requirePayee(certificate);
        findPayee(certificate);
        requirePayable(certificate, ca);
        requireCertified(certificate, ca);
        requireMessage(certificate, (short) (requestEnd - Messages.SIGNATURE));
        return PAY;
    }

    private short checkEnciphered(boolean batch, short requestEnd) {
        short certificateEnd = (short) (requestEnd + Spec.DEVICE_CERTIFICATE_LENGTH);
        boolean withPin = transport.read(certificateEnd, ram.words[Ram.IN_LENGTH]);
        short certificate = device.certificates.device(requestEnd, certificateEnd);
        requireDateByRole(certificate);
        short bodyLength = (short) (requestEnd - Messages.SIGNATURE);
        if (isLast(bodyLength)) {
            transport.agree(batch, certificateEnd, bodyLength);
            return RESEND_LAST_ENCIPHERED;
        }
        if (!withPin) {
            ISOException.throwIt(Spec.SW_SECURITY);
        }
        short ca = requireKnownCA(certificate);
        requirePayee(certificate);
        findPayee(certificate);
        requireCertified(certificate, ca);
        try {
            requireMessage(certificate, bodyLength);
            transport.requireFresh();
            transport.agree(batch, certificateEnd, bodyLength);
            transport.decipher(certificateEnd);
        } catch (ISOException e) {
            makeUp(certificate, ca);
            ISOException.throwIt(e.getReason());
        }
        device.nonce.use();
        try {
            device.pins.requirePresentable(Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
            device.pins.presentPin();
            short earlier = find();
            if (isSameRequest(earlier)) {
                return RESEND_ENCIPHERED;
            }
            requireNew(earlier);
            requireParties();
            requirePayable(certificate, ca);
        } catch (ISOException e) {
            guard.requireNotMuted();
            Util.setShort(ram.scratch, Ram.REASON, e.getReason());
            return REFUSE_ENCIPHERED;
        }
        return PAY_ENCIPHERED;
    }

    private boolean pays() {
        return ram.scratch[LOWER] == PAYS;
    }

    void apply() {
        if (pays()) {
            U32.putDifference(ram.state, Nvm.BALANCE, ram.in, AMOUNT, ram.state, Nvm.BALANCE);
            device.log.countPayment(ram.in, AMOUNT);
            device.log.append();
            device.authorities.store(Util.getShort(ram.scratch, Ram.PLACE));
            short known = Util.getShort(ram.scratch, Ram.KNOWN);
            if (known == Payees.NONE) {
                device.payees.keep();
            } else {
                ram.state[Nvm.KEPT_PEER] = (byte) (known + 1);
            }
        }
    }

    /** Composes the Payment's body, or an earlier Payment whole, as a record. */
    void compose() {
        byte[] out = ram.out;
        if (pays()) {
            short requestLength = Util.getShort(ram.scratch, Ram.END);
            byte[] frame = Spec.PAYMENT_FRAME_MIN;
            short next = Util.arrayCopyNonAtomic(frame, (short) 1, out, Ram.RECORD, TO_PAYER);
            byte contentLength = (byte) (Spec.PAYMENT_AT_REQUEST + requestLength);
            out[(short) (Ram.RECORD + Messages.PAYMENT_HEADER - 1)] = contentLength;
            next = Util.arrayCopyNonAtomic(nvm.identity, Nvm.DEVICE, out, next,
                    Spec.DEVICE_ID_LENGTH);
            next = Util.arrayCopyNonAtomic(frame, (short) (TO_PAYER + 3), out, next, TO_ATC);
            next = Util.arrayCopyNonAtomic(ram.state, Nvm.ATC, out, next, U32.LENGTH);
            next = Util.arrayCopyNonAtomic(ram.in, (short) 0, out, next, requestLength);
            composed(Ram.RECORD, next);
        } else if (plans(REFUSE_ENCIPHERED)) {
            composed(Ram.RECORD, Ram.RECORD);
        } else {
            short slot = Util.getShort(ram.scratch, Ram.SLOT);
            composed(Ram.RECORD, Util.arrayCopyNonAtomic(device.log.slot(slot), Log.HEADER_LENGTH,
                    out, Ram.RECORD, device.log.lengthOf(slot)));
        }
    }

    void seal() {
        if (pays()) {
            ram.session[Ram.VERIFIED] = 0; // before the debit, so that none leaves the PIN so
            sign();
            device.log.prepare(Log.PAYMENT, false);
        }
    }

    void writeMore() {
        if (pays() && isNewPayee()) {
            device.payees.store(certificate());
        }
    }

    boolean isAsComputed() {
        return !pays() || !isNewPayee() || device.payees.isStored(certificate());
    }

    private boolean isNewPayee() {
        return ram.scratch[Ram.KNOWN] < 0;
    }

    /** Offset of the content of the payee's certificate. */
    private short certificate() {
        return (short) (Util.getShort(ram.scratch, Ram.END) + Certificates.HEADER);
    }

    void done() {
        if (pays()) {
            device.authorities.forgetStored(Util.getShort(ram.scratch, Ram.PLACE));
        }
        forgetPin();
    }

    /** A verified PIN serves one debit, and one that came with a Request serves that. */
    private void forgetPin() {
        if (!plans(RESEND) && !plans(RESEND_LAST_ENCIPHERED)) {
            device.pins.forget();
        }
    }

    void answer() {
        forgetPin();
        short plan = Util.getShort(ram.scratch, Ram.PLAN);
        if (plan == PAY || plan == RESEND) {
            super.answer();
        } else if (plan == REFUSE_ENCIPHERED) {
            transport.refuse(Util.getShort(ram.scratch, Ram.REASON),
                    (short) (Util.getShort(ram.scratch, Ram.END) - Messages.SIGNATURE));
        } else {
            transport.answer((short) (ram.words[Ram.BODY_END] - Ram.RECORD));
        }
    }

    /** Requires a date in the Request of a payee that has a clock, and none in another's. */
    private void requireDateByRole(short certificate) {
        byte role = ram.in[(short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_ROLE)];
        boolean clock = role == Spec.ROLE_TERMINAL || role == Spec.ROLE_DESK;
        if (clock != Messages.day(ram.in) >= 0) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /**
     * Reports whether the last record is the Payment of this very Request, whose body has that
     * length. No other is looked at before the PIN: the time would tell how many there are.
     */
    private boolean isLast(short bodyLength) {
        short slot = device.log.findLast(Log.PAYMENT, Messages.PAYMENT_REQUEST, ram.in, (short) 0,
                bodyLength);
        Util.setShort(ram.scratch, Ram.SLOT, slot);
        return slot >= 0;
    }

    /** The slot with a Payment to the same payee with the same number, or Log.NONE. */
    private short find() {
        short slot = device.log.find(Log.PAYMENT,
                (short) (Messages.PAYMENT_REQUEST + Messages.REQUEST_HEADER
                        + Spec.REQUEST_OFFSET_PAYEE),
                ram.in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYEE),
                (short) (Spec.REQUEST_OFFSET_NUMBER + Spec.COUNTER_LENGTH
                        - Spec.REQUEST_OFFSET_PAYEE));
        Util.setShort(ram.scratch, Ram.SLOT, slot);
        return slot;
    }

    /** Reports whether there is an earlier Payment, and of this very Request. */
    private boolean isSameRequest(short slot) {
        return slot >= 0 && Util.arrayCompare(device.log.slot(slot),
                (short) (Log.HEADER_LENGTH + Messages.PAYMENT_REQUEST), ram.in, (short) 0,
                Messages.requestBodyLength(ram.in, (short) 0)) == 0;
    }

    private void requireNew(short earlier) {
        requireActive();
        if (earlier != Log.NONE) {
            ISOException.throwIt(Spec.SW_REQUEST_REUSED);
        }
    }

    private short requireKnownCA(short certificate) {
        short ca = device.certificates.requireKnownCA(certificate);
        Util.setShort(ram.scratch, Ram.PLACE, ca);
        return ca;
    }

    private void findPayee(short certificate) {
        Util.setShort(ram.scratch, Ram.KNOWN, device.payees.find(certificate));
    }

    /** Requires that the CA has signed the certificate: its content is kept, or it is verified. */
    private void requireCertified(short certificate, short ca) {
        if (isNewPayee()) {
            device.certificates.requireDates(certificate);
            device.certificates.requireSignature(certificate, ca);
        }
    }

    /** Requires that the payee has signed the Request, whose body has that length. */
    private void requireMessage(short certificate, short bodyLength) {
        if (!isKept(certificate)) {
            device.certificates.requireMessage(certificate, bodyLength);
        } else if (!device.engines.verifyByKeptPeer((short) 0, bodyLength,
                (short) (bodyLength + Messages.SIGNATURE_HEADER))) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
    }

    /** Reports whether the payee's messages are verified without another initialisation. */
    private boolean isKept(short certificate) {
        short known = Util.getShort(ram.scratch, Ram.KNOWN);
        return known >= 0 && device.engines.isKept(known,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_POINT));
    }

    /**
     * Makes up for the time that a familiar payee has saved, before a refusal to anybody but the
     * payee: its certificate is known to all who have paid it, and where a card pays is not.
     */
    private void makeUp(short certificate, short ca) {
        if (isNewPayee() || !guard.isFirst()) {
            return;
        }
        if (isKept(certificate)) {
            device.engines.makeUp(
                    (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_POINT));
        }
        device.certificates.requireDates(certificate);
        device.certificates.isSigned(certificate, ca);
    }

    /** Requires what this card allows itself to pay, and to whom. */
    private void requirePayable(short certificate, short ca) {
        byte[] in = ram.in;
        requireCurrency(in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_CURRENCY));
        boolean desk = requireRole(certificate);
        short day = Messages.day(in);
        Limits limits = device.limits;
        if (!desk) { // unloading is stopped neither by expiry nor by the limits for payments
            device.certificates.requireNotExpired(certificate, ca);
            device.certificates.requireOwnNotExpired();
        }
        limits.requireTransaction((short) 0, day);
        if (!desk) {
            limits.requirePayment(in, AMOUNT, day);
        }
        limits.requireFunds(in, AMOUNT);
        limits.requireSpendable(in, AMOUNT, desk, day);
    }

    /** Requires that the payer, if named, is this card, and that the payee is another device. */
    private void requireParties() {
        byte[] in = ram.in;
        if (Messages.namesPayer(in, (short) 0)) {
            requireAddressee(in, Messages.payer(in, (short) 0));
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
        if (isNewPayee()) { // or else it was looked at before
            device.certificates.requireOwnName(certificate);
        }
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
}
