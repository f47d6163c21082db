package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * ACCEPT: takes a Payment of an open request; the payee is paid from the commit on. A power cut
 * before the commit leaves the request open, and the same command completes it; after the commit
 * the same command returns the same Receipt.
 */
final class Accept extends Command {
    private static final short PAYER =
            (short) (Messages.PAYMENT_HEADER + Spec.PAYMENT_OFFSET_PAYER);
    private static final short REQUEST = Messages.PAYMENT_REQUEST;
    private static final short REQUEST_CONTENT = (short) (REQUEST + Messages.REQUEST_HEADER);
    private static final short RECORD_IDENTITY =
            (short) (Messages.RECEIPT_HEADER + Spec.RECEIPT_OFFSET_IDENTITY);

    Accept(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    short check() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_ACCEPT);
        requireActivated();
        short paymentEnd = Messages.payment(in, (short) 0, ram.words[Ram.IN_LENGTH]);
        Util.setShort(ram.scratch, Ram.END, paymentEnd);
        short certificate = device.certificates.device(paymentEnd);
        short bodyLength = (short) (paymentEnd - Messages.SIGNATURE);
        // Who does not know which card this is learns nothing by how long a search takes.
        requireAddressee(in, (short) (REQUEST_CONTENT + Spec.REQUEST_OFFSET_PAYEE));

        device.engines.computeIdentity((short) 0, bodyLength);
        short earlier = device.log.find(Log.ACCEPTANCE, RECORD_IDENTITY, ram.scratch, Ram.IDENTITY,
                Spec.HASH_LENGTH);
        Util.setShort(ram.scratch, Ram.SLOT, earlier);
        if (earlier != Log.NONE) {
            return REPEAT;
        }
        requireActive();
        requireReceiver();
        requireParties(certificate);
        short entry = requireOpen();
        Util.setShort(ram.scratch, Ram.ENTRY, entry);
        short ca = device.certificates.requireKnownCA(certificate);
        Util.setShort(ram.scratch, Ram.PLACE, ca);
        requireRole(certificate);
        // The signatures come before the dates: made-up certificates do not find out the card's.
        device.certificates.requireSignature(certificate, ca);
        device.certificates.requireMessage(certificate, bodyLength);
        device.certificates.requireNotExpired(certificate, ca);
        device.certificates.requireOwnNotExpired();
        requireOwnSignature(entry);
        return CHANGE;
    }

    void apply() {
        if (plans(CHANGE)) {
            short amount = (short) (Util.getShort(ram.scratch, Ram.ENTRY) + OpenRequests.AMOUNT);
            // No overflow: the request has reserved its amount under the maximum balance.
            U32.add(ram.state, Nvm.BALANCE, ram.state, amount);
            device.log.countAcceptance(ram.state, amount);
            device.log.append();
            device.requests.close(Util.getShort(ram.scratch, Ram.ENTRY));
            device.authorities.store(Util.getShort(ram.scratch, Ram.PLACE));
        }
    }

    /** Composes the Receipt's body, as a record; the Payment's identity is in scratch. */
    void compose() {
        if (!plans(CHANGE)) {
            compose(device.log.slot(Util.getShort(ram.scratch, Ram.SLOT)), Log.HEADER_LENGTH,
                    Spec.RECEIPT_LENGTH);
            return;
        }
        byte[] in = ram.in;
        byte[] out = ram.out;
        short next = Messages.begin(out, Ram.RECORD, Spec.TAG_RECEIPT, Spec.RECEIPT_CONTENT_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_PAYEE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = device.log.putNumber(out, next);
        next = Tlv.put(out, next, Spec.TAG_DEVICE, in, PAYER, Spec.DEVICE_ID_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_NUMBER, in,
                (short) (REQUEST_CONTENT + Spec.REQUEST_OFFSET_NUMBER), U32.LENGTH);
        composed(Ram.RECORD, Tlv.put(out, next, Spec.TAG_IDENTITY, ram.scratch, Ram.IDENTITY,
                Spec.HASH_LENGTH));
    }

    /** Signs, and puts the Payment behind the Receipt. */
    void seal() {
        if (plans(CHANGE)) {
            sign();
            Util.arrayCopyNonAtomic(ram.in, (short) 0, ram.out, ram.words[Ram.BODY_END],
                    Util.getShort(ram.scratch, Ram.END));
            guard.requireZero(Util.arrayCompare(ram.in, (short) 0, ram.out,
                    (short) (Ram.RECORD + Spec.RECEIPT_LENGTH),
                    Util.getShort(ram.scratch, Ram.END)));
            device.log.prepare(Log.ACCEPTANCE, true);
        }
    }

    void done() {
        if (plans(CHANGE)) {
            device.authorities.forgetStored(Util.getShort(ram.scratch, Ram.PLACE));
        }
    }

    /**
     * Requires that the payer is another card, the one that the Request names if it names one, and
     * that the certificate is the payer's.
     */
    private void requireParties(short certificate) {
        byte[] in = ram.in;
        if (isThisDevice(in, PAYER)) {
            ISOException.throwIt(Spec.SW_SELF);
        }
        boolean same = Util.arrayCompare(in, PAYER,
                in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER),
                Spec.DEVICE_ID_LENGTH) == 0;
        if (Messages.namesPayer(in, REQUEST)) {
            same &= Util.arrayCompare(in, PAYER,
                    in, Messages.payer(in, REQUEST),
                    Spec.DEVICE_ID_LENGTH) == 0;
        }
        if (!same) {
            ISOException.throwIt(Spec.SW_ADDRESSEE);
        }
    }

    /** Requires that the Request is open and that this is its body. Returns its entry. */
    private short requireOpen() {
        byte[] in = ram.in;
        short entry =
                device.requests.find(in, (short) (REQUEST_CONTENT + Spec.REQUEST_OFFSET_NUMBER));
        if (entry < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        if (Util.arrayCompare(nvm.requests, device.requests.message(entry), in, REQUEST,
                Messages.requestBodyLength(in, REQUEST)) != 0) {
            ISOException.throwIt(Spec.SW_REQUEST_REUSED);
        }
        return entry;
    }

    private void requireRole(short certificate) {
        device.certificates.requireOwnName(certificate);
        if (ram.in[(short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_ROLE)] != Spec.ROLE_CARD) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
    }

    /**
     * Requires that the Request's signature in the Payment is this card's, since settlement accepts
     * no other: the bytes that the card gave out or else another form of the same signature, which
     * is then verified.
     */
    private void requireOwnSignature(short entry) {
        byte[] in = ram.in;
        short bodyLength = Messages.requestBodyLength(in, REQUEST);
        short signature = (short) (REQUEST + bodyLength + Messages.SIGNATURE_HEADER);
        short own =
                (short) (device.requests.message(entry) + bodyLength + Messages.SIGNATURE_HEADER);
        if (Util.arrayCompare(nvm.requests, own, in, signature, Spec.SIGNATURE_LENGTH) != 0
                && !device.engines.verifyOwn(REQUEST, bodyLength, signature)) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
    }
}
