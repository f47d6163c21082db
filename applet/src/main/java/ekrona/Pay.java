package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * PAY: pays a Request, once. A power cut before the commit leaves nothing but the payee's key in a
 * scratch object; after it the debit stands, and the same Request returns the same Payment.
 */
final class Pay extends Command {
    Pay(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    void run() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_PAY);
        requireActivated();
        short requestEnd = Messages.request(in, (short) 0, ram.words[Ram.IN_LENGTH]);
        short certificate = device.certificates.device(requestEnd);

        byte[] earlier = device.log.find(Log.PAYMENT,
                (short) (Messages.PAYMENT_REQUEST + Messages.REQUEST_HEADER
                        + Spec.REQUEST_OFFSET_PAYEE),
                in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYEE),
                (short) (Spec.REQUEST_OFFSET_NUMBER + Spec.COUNTER_LENGTH
                        - Spec.REQUEST_OFFSET_PAYEE));
        if (earlier != null && isSameRequest(earlier)) {
            answer(earlier, Log.HEADER_LENGTH, Log.lengthOf(earlier));
            return;
        }
        // Without PIN the card does not reveal whom it has paid: the rest is for its owner.
        requireActive();
        requirePin();
        if (earlier != null) {
            ISOException.throwIt(Spec.SW_REQUEST_REUSED);
        }
        // The CA comes first, since the reader can load it and repeat the command.
        short ca = device.certificates.requireKnownCA(certificate);
        requireParties(certificate);
        requireCurrency(in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_CURRENCY));
        boolean desk = requireRole(certificate);
        requireLimits(certificate, ca, desk);
        device.certificates.requireSigned(certificate, ca,
                Messages.requestBodyLength(in, (short) 0));

        short length = compose(requestEnd);
        U32.putDifference(ram.state, Nvm.BALANCE, in,
                (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_AMOUNT),
                ram.state, Nvm.BALANCE);
        device.log.appendPayment(length);
        device.authorities.store(ca);

        JCSystem.beginTransaction();
        device.log.store();
        nvm.store();
        JCSystem.commitTransaction();
        device.pins.forget(); // a verified PIN serves one debit
        device.channel.respond(Ram.RECORD, length);
    }

    private boolean isSameRequest(byte[] slot) {
        return Util.arrayCompare(slot, (short) (Log.HEADER_LENGTH + Messages.PAYMENT_REQUEST),
                ram.in, (short) 0, Messages.requestBodyLength(ram.in, (short) 0)) == 0;
    }

    /**
     * Requires that the payer, if named, is this card, that the payee is another device, and that
     * the certificate is the payee's.
     */
    private void requireParties(short certificate) {
        byte[] in = ram.in;
        if (Messages.namesPayer(in, (short) 0)) {
            requireAddressee(in, (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYER));
        }
        short payee = (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_PAYEE);
        if (isThisDevice(in, payee)) {
            ISOException.throwIt(Spec.SW_SELF);
        }
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
        short next = Messages.begin(out, Ram.RECORD, Spec.TAG_PAYMENT,
                (short) (Spec.PAYMENT_AT_REQUEST + requestLength));
        next = Tlv.put(out, next, Spec.TAG_DEVICE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = device.log.putNextNumber(out, next);
        next = Util.arrayCopyNonAtomic(ram.in, (short) 0, out, next, requestLength);
        return (short) (device.engines.signMessage(out, Ram.RECORD, next) - Ram.RECORD);
    }
}
