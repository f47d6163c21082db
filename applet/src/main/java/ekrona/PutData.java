package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * PUT DATA: stores the card's own certificate, also a later one, or, before activation, the first
 * PIN and the PUK. Each is one transaction: a power cut leaves the old object or the new one.
 */
final class PutData extends SecretCommand {
    PutData(Device device) {
        super(device, true);
    }

    void work() {
        if (parameters() == Spec.P1P2_PUT_DATA_CERTIFICATE) {
            putCertificate();
        } else {
            requireParameters(Spec.P1P2_PUT_DATA_FIRST_PIN);
            putPin();
        }
    }

    private void putCertificate() {
        byte[] in = ram.in;
        if (ram.state[Nvm.LIFE] < Spec.LIFE_KEYS_MADE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        boolean activated = ram.state[Nvm.LIFE] >= Spec.LIFE_ACTIVE;
        if (activated) {
            requireOwnerOrIntermediary(); // or any reader could try out whose card this is
        }
        short certificate = device.certificates.device((short) 0);
        short ca = device.certificates.requireKnownCA(certificate);
        device.certificates.requireOwnName(certificate);
        if (in[(short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_ROLE)]
                != nvm.identity[Nvm.ROLE]) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
        // The signing key's point is compared in out, which is not in use here.
        device.engines.putSigningPoint(ram.out, (short) 0);
        if (!isThisDevice(in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER))
                || Util.arrayCompare(ram.out, (short) 0,
                        in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_POINT),
                        Spec.POINT_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        device.certificates.requireNotExpired(certificate, ca);
        if (activated && Util.arrayCompare(in,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY), nvm.certificate,
                (short) (Certificates.HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY),
                Spec.DATE_LENGTH) <= 0) {
            ISOException.throwIt(Spec.SW_DATE);
        }
        device.certificates.requireSignature(certificate, ca);
        device.authorities.setOwnCA(device.authorities.store(ca));
        ram.state[Nvm.CERTIFIED] = (byte) 1;

        JCSystem.beginTransaction();
        Util.arrayCopy(in, (short) 0, nvm.certificate, (short) 0, Spec.DEVICE_CERTIFICATE_LENGTH);
        nvm.store();
        JCSystem.commitTransaction();
    }

    private void putPin() {
        byte[] in = ram.in;
        if (ram.state[Nvm.LIFE] != Spec.LIFE_KEYS_MADE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        Tlv.requireAll(in, (short) 0, ram.words[Ram.IN_LENGTH], Spec.PIN_LOAD_FRAME,
                Spec.PIN_LOAD_LENGTH);
        device.cmac.deriveFromToken(nvm.token, Spec.TOKEN_LABEL_MAC);
        Util.arrayCopyNonAtomic(in, (short) 0, ram.out, (short) 0, Spec.PIN_LOAD_AT_MAC);
        device.cmac.compute(ram.scratch, Ram.KEY, ram.out, (short) 0, Spec.PIN_LOAD_AT_MAC);
        if (!device.cmac.matches(in, Spec.PIN_LOAD_OFFSET_MAC, Spec.MAC_LENGTH)) {
            ISOException.throwIt(Spec.SW_MAC_WRONG);
        }
        device.cmac.deriveFromToken(nvm.token, Spec.TOKEN_LABEL_ENC);
        device.engines.decrypt(ram.scratch, Ram.KEY, in, Spec.PIN_LOAD_OFFSET_IV, in,
                Spec.PIN_LOAD_OFFSET_CRYPTOGRAM, (short) (2 * Spec.PIN_BLOCK_LENGTH),
                ram.scratch, Ram.SECRET);
        device.pins.requireBlock((short) 0, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.requireBlock((short) 1, Spec.PUK_DIGITS, Spec.PUK_DIGITS);
        ram.state[Nvm.PIN_SET] = (byte) 1;
        JCSystem.beginTransaction();
        device.pins.load();
        nvm.store();
        JCSystem.commitTransaction();
    }
}
