package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * PSO VERIFY CERTIFICATE: makes the card learn an authority's key: first the root that its anchor
 * names, then what a known root has certified. The key goes to the free row, and the directory is
 * written after it, with the state block, in one atomic copy that needs no transaction: a power cut
 * leaves every known key, with the new one or without it.
 */
final class VerifyCertificate extends Command {
    VerifyCertificate(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    void run() {
        requireParameters(Spec.P1P2_PSO_VERIFY_CERTIFICATE);
        short certificate = device.certificates.authority();
        if (device.authorities.isKnown(Authorities.ROOT)) {
            learn(certificate);
        } else {
            learnFirstRoot(certificate);
        }
    }

    /** Learns the root itself: it is self-signed, and its body has the hash that was installed. */
    private void learnFirstRoot(short certificate) {
        byte[] in = ram.in;
        device.engines.computeIdentity(in, certificate, Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE);
        if (Util.arrayCompare(ram.scratch, Ram.IDENTITY, nvm.identity, Nvm.ROOT_ANCHOR,
                Spec.HASH_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        if (in[(short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_ROLE)] != Spec.ROLE_ROOT
                || Util.arrayCompare(in,
                        (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_AUTHORITY), in,
                        (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER),
                        Spec.AUTHORITY_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
        requireNotExpired(in, (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY));
        if (!Engines.set(device.engines.peer, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_POINT))
                || !device.engines.verify(device.engines.peer, in, certificate,
                        Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE,
                        (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_SIGNATURE))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
        fill(certificate, in, (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY));
        device.authorities.assignRoot();
        nvm.store();
    }

    private void learn(short certificate) {
        byte[] in = ram.in;
        short root = device.authorities.find(Authorities.ROOT, Spec.ROOTS_KEPT, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_AUTHORITY));
        if (root < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        byte role = in[(short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_ROLE)];
        if (role == Spec.ROLE_ROOT) {
            learnNextRoot(certificate, root);
            return;
        }
        short first;
        short count = (short) 1;
        if (role == Spec.ROLE_INTERMEDIARY) {
            first = Authorities.CA;
            count = Spec.CA_CACHE;
        } else if (role == Spec.ROLE_NOTARY) {
            first = Authorities.NOTARY;
        } else {
            first = Authorities.INSTRUCTION_KEY;
            requireInstructionKeyOfOwnName(certificate, role);
        }
        // A key is valid until the first expiry of a certificate in its chain.
        byte[] expiries = in;
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        if (Util.arrayCompare(in, expiry, ram.state, device.authorities.expiry(root),
                Spec.DATE_LENGTH) > 0) {
            expiries = ram.state;
            expiry = device.authorities.expiry(root);
        }
        requireNotExpired(expiries, expiry);
        requireSignature(certificate, root);
        short place = device.authorities.find(first, count, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER));
        if (place < 0) {
            place = count == 1 ? first : device.authorities.placeForCA();
        } else if (Util.arrayCompare(expiries, expiry, ram.state, device.authorities.expiry(place),
                Spec.DATE_LENGTH) <= 0) {
            return; // known already, for as long or longer
        }
        fill(certificate, expiries, expiry);
        device.authorities.assign(place);
        nvm.store();
    }

    /** Requires the role instruction key and the name of this card's intermediary. */
    private void requireInstructionKeyOfOwnName(short certificate, byte role) {
        if (role != Spec.ROLE_INSTRUCTION_KEY || Util.arrayCompare(ram.in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER), nvm.identity,
                Nvm.DEVICE, Spec.NAME_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
    }

    /**
     * Learns the next root from a link certificate: by the current root, for the same name and a
     * later number. A root that is known already changes nothing.
     */
    private void learnNextRoot(short certificate, short root) {
        byte[] in = ram.in;
        short holder = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER);
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        requireNotExpired(in, expiry);
        requireSignature(certificate, root);
        if (device.authorities.find(Authorities.ROOT, (short) 1, in, holder) >= 0) {
            return;
        }
        short current = device.authorities.reference(Authorities.ROOT);
        if (root != Authorities.ROOT
                || Util.arrayCompare(in, holder, ram.state, current, Spec.NAME_LENGTH) != 0
                || Util.arrayCompare(in, holder, ram.state, current, Spec.AUTHORITY_LENGTH) < 0) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
        fill(certificate, in, expiry);
        device.authorities.assignRoot();
        nvm.store();
    }

    private void requireNotExpired(byte[] b, short expiry) {
        if (device.authorities.isExpired(b, expiry)) {
            ISOException.throwIt(Spec.SW_EXPIRED);
        }
    }

    private void requireSignature(short certificate, short root) {
        if (!device.authorities.verify(root, certificate, Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_SIGNATURE))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
    }

    /** Puts the key in the free row, which has no meaning until the directory refers to it. */
    private void fill(short certificate, byte[] expiries, short expiry) {
        if (!device.authorities.fill(ram.in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_POINT),
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER), expiries,
                expiry)) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
    }
}
