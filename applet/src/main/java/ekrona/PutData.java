package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * PUT DATA: stores the card's own certificate or that of its batch key, also a later one, or,
 * before activation, the batch key, or the first PIN and the PUK with the owner's group and the
 * lowest number of a crisis order. Each is one transaction: a power
 * cut leaves the old object or the new one. Of the batch key it may leave none: the former is
 * forgotten before the new one is written, since a key is not part of a transaction.
 */
final class PutData extends SecretCommand {
    PutData(Device device) {
        super(device, true);
    }

    void work() {
        if (parameters() == Spec.P1P2_PUT_DATA_CERTIFICATE) {
            putCertificate();
        } else if (parameters() == Spec.P1P2_PUT_DATA_BATCH_KEY) {
            putBatchKey();
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
        byte role = in[(short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_ROLE)];
        boolean batch = role == Spec.ROLE_BATCH;
        byte[] stored = nvm.certificate;
        if (batch) {
            stored = nvm.batch;
            requireBatch(certificate, activated);
        } else {
            requireOwn(certificate, role);
        }
        device.certificates.requireNotExpired(certificate, ca);
        if (activated && Util.arrayCompare(in,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY), stored,
                (short) (Certificates.HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY),
                Spec.DATE_LENGTH) <= 0) {
            ISOException.throwIt(Spec.SW_DATE);
        }
        device.certificates.requireSignature(certificate, ca);
        if (batch) {
            ram.state[Nvm.BATCH] = Nvm.BATCH_CERTIFIED;
        } else {
            device.authorities.setOwnCA(device.authorities.store(ca));
            ram.state[Nvm.CERTIFIED] = (byte) 1;
        }

        JCSystem.beginTransaction();
        Util.arrayCopy(in, (short) 0, stored, (short) 0, Spec.DEVICE_CERTIFICATE_LENGTH);
        nvm.store();
        JCSystem.commitTransaction();
    }

    /** Requires the card's own role, id and key. */
    private void requireOwn(short certificate, byte role) {
        byte[] in = ram.in;
        if (role != nvm.identity[Nvm.ROLE]) {
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
    }

    /** Requires the batch key, a batch of the card's own name, and later always the same one. */
    private void requireBatch(short certificate, boolean activated) {
        byte[] in = ram.in;
        short holder = (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER);
        if (ram.state[Nvm.BATCH] == Nvm.BATCH_NONE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        if (Util.arrayCompare(in, holder, nvm.identity, Nvm.DEVICE, Spec.NAME_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
        if (Util.arrayCompare(in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_POINT),
                nvm.batch, Nvm.BATCH_POINT, Spec.POINT_LENGTH) != 0
                || (activated && Util.arrayCompare(in, holder, nvm.batch, Nvm.BATCH_HOLDER,
                        Spec.DEVICE_ID_LENGTH) != 0)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    private void putBatchKey() {
        byte[] in = ram.in;
        requireLoad(Spec.BATCH_LOAD_FRAME, Spec.BATCH_LOAD_LENGTH, Spec.BATCH_LOAD_AT_MAC,
                Spec.BATCH_LOAD_OFFSET_MAC);
        device.engines.decrypt(ram.scratch, Ram.KEY, in, Spec.BATCH_LOAD_OFFSET_IV, in,
                Spec.BATCH_LOAD_OFFSET_CRYPTOGRAM, Spec.SCALAR_LENGTH, ram.scratch, Ram.SECRET);
        if (ram.state[Nvm.BATCH] != Nvm.BATCH_NONE) {
            nvm.state[Nvm.BATCH] = Nvm.BATCH_NONE;
        }
        device.engines.setBatchKey(ram.scratch, Ram.SECRET);
        ram.state[Nvm.BATCH] = Nvm.BATCH_LOADED;
        JCSystem.beginTransaction();
        Util.arrayCopy(in, Spec.BATCH_LOAD_OFFSET_POINT, nvm.batch, Nvm.BATCH_POINT,
                Spec.POINT_LENGTH);
        nvm.store();
        JCSystem.commitTransaction();
    }

    /**
     * Requires data of a layout whose MAC is by the token's MAC key, before activation. The token's
     * encryption key is then in scratch at KEY.
     */
    private void requireLoad(byte[] frame, short length, short macInput, short mac) {
        byte[] in = ram.in;
        if (ram.state[Nvm.LIFE] != Spec.LIFE_KEYS_MADE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        Tlv.requireAll(in, (short) 0, ram.words[Ram.IN_LENGTH], frame, length);
        device.cmac.deriveFromToken(nvm.token, Spec.TOKEN_LABEL_MAC);
        Util.arrayCopyNonAtomic(in, (short) 0, ram.out, (short) 0, macInput);
        device.cmac.compute(ram.scratch, Ram.KEY, ram.out, (short) 0, macInput);
        if (!device.cmac.matches(in, mac, Spec.MAC_LENGTH)) {
            ISOException.throwIt(Spec.SW_MAC_WRONG);
        }
        device.cmac.deriveFromToken(nvm.token, Spec.TOKEN_LABEL_ENC);
    }

    private void putPin() {
        byte[] in = ram.in;
        requireLoad(Spec.PIN_LOAD_FRAME, Spec.PIN_LOAD_LENGTH, Spec.PIN_LOAD_AT_MAC,
                Spec.PIN_LOAD_OFFSET_MAC);
        device.engines.decrypt(ram.scratch, Ram.KEY, in, Spec.PIN_LOAD_OFFSET_IV, in,
                Spec.PIN_LOAD_OFFSET_CRYPTOGRAM, (short) (2 * Spec.PIN_BLOCK_LENGTH),
                ram.scratch, Ram.SECRET);
        device.pins.requireBlock((short) 0, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.requireBlock((short) 1, Spec.PUK_DIGITS, Spec.PUK_DIGITS);
        ram.state[Nvm.PIN_SET] = (byte) 1;
        device.order.setLowest(in, Spec.PIN_LOAD_OFFSET_ORDER_NUMBER);
        ram.state[Nvm.GROUP] = in[Spec.PIN_LOAD_OFFSET_GROUP];
        JCSystem.beginTransaction();
        device.pins.load();
        nvm.store();
        JCSystem.commitTransaction();
    }
}
