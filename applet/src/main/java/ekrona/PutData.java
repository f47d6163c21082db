package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * PUT DATA: stores the card's own certificate or that of its batch key, also a later one, or,
 * before activation, the batch key, or the first PIN and the PUK with the owner's group and the
 * lowest number of a crisis order. Each is one transaction: a power
 * cut leaves the old object or the new one. Of the batch key it may leave none: the former is
 * forgotten before the new one is written, since a key is not part of a transaction.
 */
final class PutData extends Command {
    // Plans.
    private static final short CERTIFICATE = (short) 0x35C6;
    private static final short BATCH_CERTIFICATE = (short) 0x5CA5;
    private static final short BATCH_KEY = (short) 0xA63C;
    private static final short FIRST_PIN = (short) 0xC95A;

    /** What the fact is about that the MAC is right. */
    private static final byte MAC = (byte) 0x4D;

    PutData(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    short check() {
        if (parameters() == Spec.P1P2_PUT_DATA_CERTIFICATE) {
            return checkCertificate();
        }
        if (parameters() == Spec.P1P2_PUT_DATA_BATCH_KEY) {
            return checkBatchKey();
        }
        requireParameters(Spec.P1P2_PUT_DATA_FIRST_PIN);
        return checkPin();
    }

    void apply() {
        byte[] state = ram.state;
        if (plans(CERTIFICATE)) {
            short place = Util.getShort(ram.scratch, Ram.PLACE);
            device.authorities.setOwnCA(device.authorities.store(place));
            state[Nvm.CERTIFIED] = Ram.YES;
        } else if (plans(BATCH_CERTIFICATE)) {
            state[Nvm.BATCH] = Nvm.BATCH_CERTIFIED;
        } else if (plans(BATCH_KEY)) {
            state[Nvm.BATCH] = Nvm.BATCH_LOADED;
        } else {
            state[Nvm.PIN_SET] = Ram.YES;
            device.order.setLowest(ram.in, Spec.PIN_LOAD_OFFSET_ORDER_NUMBER);
            state[Nvm.GROUP] = ram.in[Spec.PIN_LOAD_OFFSET_GROUP];
        }
    }

    void write() {
        if (plans(BATCH_KEY)) {
            if (nvm.state[Nvm.BATCH] != Nvm.BATCH_NONE) {
                nvm.state[Nvm.BATCH] = Nvm.BATCH_NONE;
            }
            device.engines.setBatchKey(ram.scratch, Ram.SECRET);
        }
    }

    boolean changesMore() {
        return true;
    }

    void writeMore() {
        if (plans(CERTIFICATE) || plans(BATCH_CERTIFICATE)) {
            Util.arrayCopy(ram.in, (short) 0, stored(), (short) 0, Spec.DEVICE_CERTIFICATE_LENGTH);
        } else if (plans(BATCH_KEY)) {
            Util.arrayCopy(ram.in, Spec.BATCH_LOAD_OFFSET_POINT, nvm.batch, Nvm.BATCH_POINT,
                    Spec.POINT_LENGTH);
        } else {
            device.pins.load();
        }
    }

    boolean isAsComputed() {
        if (plans(CERTIFICATE) || plans(BATCH_CERTIFICATE)) {
            return Util.arrayCompare(ram.in, (short) 0, stored(), (short) 0,
                    Spec.DEVICE_CERTIFICATE_LENGTH) == 0;
        }
        return plans(FIRST_PIN) || Util.arrayCompare(ram.in, Spec.BATCH_LOAD_OFFSET_POINT,
                nvm.batch, Nvm.BATCH_POINT, Spec.POINT_LENGTH) == 0;
    }

    private byte[] stored() {
        return plans(CERTIFICATE) ? nvm.certificate : nvm.batch;
    }

    void done() {
        if (plans(CERTIFICATE)) {
            device.authorities.forgetStored(Util.getShort(ram.scratch, Ram.PLACE));
        }
    }

    private short checkCertificate() {
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
        Util.setShort(ram.scratch, Ram.PLACE, ca);
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
        return batch ? BATCH_CERTIFICATE : CERTIFICATE;
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

    private short checkBatchKey() {
        requireLoad(Spec.BATCH_LOAD_FRAME, Spec.BATCH_LOAD_LENGTH, Spec.BATCH_LOAD_AT_MAC,
                Spec.BATCH_LOAD_OFFSET_MAC);
        if (guard.isFirst()) {
            device.cmac.deriveFromToken(Spec.TOKEN_LABEL_ENC);
            device.engines.decrypt(ram.scratch, Ram.KEY, ram.in, Spec.BATCH_LOAD_OFFSET_IV, ram.in,
                    Spec.BATCH_LOAD_OFFSET_CRYPTOGRAM, Spec.SCALAR_LENGTH, ram.scratch, Ram.SECRET);
        }
        guard.require(!Engines.isZero(ram.scratch, Ram.SECRET, Spec.SCALAR_LENGTH));
        return BATCH_KEY;
    }

    /** Requires data of a layout whose MAC is by the token's MAC key, before activation. */
    private void requireLoad(byte[] frame, short length, short macInput, short mac) {
        byte[] in = ram.in;
        if (ram.state[Nvm.LIFE] != Spec.LIFE_KEYS_MADE) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        Tlv.requireAll(in, (short) 0, ram.words[Ram.IN_LENGTH], frame, length);
        short fact = guard.next();
        if (fact < Guard.SECOND) {
            device.cmac.deriveFromToken(Spec.TOKEN_LABEL_MAC);
            Util.arrayCopyNonAtomic(in, (short) 0, ram.out, (short) 0, macInput);
            device.cmac.compute(ram.scratch, Ram.KEY, ram.out, (short) 0, macInput);
            ram.facts[fact] = device.cmac.matches(in, mac, Spec.MAC_LENGTH);
            guard.mark(fact, MAC);
        }
        if (!guard.holds(fact, MAC)) {
            ISOException.throwIt(Spec.SW_MAC_WRONG);
        }
    }

    private short checkPin() {
        requireLoad(Spec.PIN_LOAD_FRAME, Spec.PIN_LOAD_LENGTH, Spec.PIN_LOAD_AT_MAC,
                Spec.PIN_LOAD_OFFSET_MAC);
        if (guard.isFirst()) {
            device.cmac.deriveFromToken(Spec.TOKEN_LABEL_ENC);
            device.engines.decrypt(ram.scratch, Ram.KEY, ram.in, Spec.PIN_LOAD_OFFSET_IV, ram.in,
                    Spec.PIN_LOAD_OFFSET_CRYPTOGRAM, (short) (2 * Spec.PIN_BLOCK_LENGTH),
                    ram.scratch, Ram.SECRET);
            Util.arrayCopyNonAtomic(ram.scratch, (short) (Ram.SECRET + Spec.PIN_BLOCK_LENGTH),
                    ram.scratch, Ram.SECRET_2, Spec.PIN_BLOCK_LENGTH);
        }
        device.pins.requireNew(Ram.SECRET, Spec.PIN_MIN_DIGITS, Spec.PIN_MAX_DIGITS);
        device.pins.requireNew(Ram.SECRET_2, Spec.PUK_DIGITS, Spec.PUK_DIGITS);
        return FIRST_PIN;
    }
}
