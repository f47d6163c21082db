package ekrona;

import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * PSO VERIFY CERTIFICATE: makes the card know an authority's key: first the root that its anchor
 * names, then what a known root has certified. Before activation the key is stored. Afterwards a
 * CA, a notary or an instruction key is kept for the session, and only a link to the next root and
 * a crisis key are stored. The key itself goes to a scratch row; what is stored is stored with the
 * state block, in one atomic copy that needs no transaction, or with a crisis key's certificate in
 * one: a power cut leaves every stored key, with the new one or without it.
 */
final class VerifyCertificate extends Command {
    VerifyCertificate(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    void run() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_PSO_VERIFY_CERTIFICATE);
        short certificate = device.certificates.authority();
        if (!device.authorities.isKnown(Authorities.ROOT)) {
            learnFirstRoot(certificate);
            return;
        }
        short root = device.authorities.find(Authorities.ROOT, Spec.ROOTS_KEPT, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_AUTHORITY));
        if (root < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        // The signature comes before the dates: made-up certificates do not find out the card's.
        if (!device.authorities.verify(root, certificate, Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_SIGNATURE))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
        byte role = in[(short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_ROLE)];
        if (role == Spec.ROLE_ROOT) {
            learnNextRoot(certificate, root);
        } else if (role == Spec.ROLE_INTERMEDIARY) {
            learn(certificate, root, Authorities.CA, Spec.CA_CACHE);
        } else if (role == Spec.ROLE_CRISIS_KEY) {
            learnCrisisKey(certificate, root);
        } else {
            short first = Authorities.NOTARY;
            if (role != Spec.ROLE_NOTARY) {
                requireInstructionKeyOfOwnName(certificate, role);
                first = Authorities.INSTRUCTION_KEY;
            }
            learn(certificate, root, first, (short) 1);
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
        if (!Engines.set(device.engines.peer, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_POINT))) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        if (!device.engines.verify(device.engines.peer, in, certificate,
                Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_SIGNATURE))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        requireNotExpired(in, expiry);
        device.authorities.storeRoot(keep(Authorities.ROOT, certificate, in, expiry));
        nvm.store();
    }

    /** Learns an authority that is no root; its role has count places, from first on. */
    private void learn(short certificate, short root, short first, short count) {
        byte[] in = ram.in;
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        byte[] expiries = expiries(expiry, root);
        if (expiries != in) {
            expiry = device.authorities.expiry(root);
        }
        requireNotExpired(expiries, expiry);
        short known = device.authorities.find(first, count, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER));
        if (known >= 0) {
            requireSameKey(known, certificate);
            if (later(known, expiries, expiry) <= 0) {
                return; // known already, for as long or longer
            }
            device.authorities.forget(known);
        }
        if (count == 1 && root != Authorities.ROOT) { // a former root makes nobody who instructs
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        boolean activated = ram.state[Nvm.LIFE] >= Spec.LIFE_ACTIVE;
        // Neither notary nor instruction key goes back.
        if (activated && count == 1 && later(first, expiries, expiry) < 0) {
            ISOException.throwIt(Spec.SW_DATE);
        }
        short kept = keep(first, certificate, expiries, expiry);
        if (!activated) {
            device.authorities.store(kept);
            nvm.store();
        }
    }

    /**
     * Learns a crisis key, whoever presents it: its certificate is stored too, for readers that do
     * not know it, and what the former key has signed is dropped. It never goes back: it is by a
     * later root than the stored one's, or by the same root with a later end.
     */
    private void learnCrisisKey(short certificate, short root) {
        byte[] in = ram.in;
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        byte[] expiries = expiries(expiry, root);
        if (expiries != in) {
            expiry = device.authorities.expiry(root);
        }
        requireNotExpired(expiries, expiry);
        short known = device.authorities.find(Authorities.CRISIS, (short) 1, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER));
        if (known >= 0) {
            requireSameKey(known, certificate);
        }
        if (device.authorities.isKnown(Authorities.CRISIS)) {
            // The numbers of roots rise, and their names are the same.
            short newer = Util.arrayCompare(in,
                    (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_AUTHORITY),
                    nvm.crisisCertificate,
                    (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_AUTHORITY),
                    Spec.AUTHORITY_LENGTH);
            if (newer < 0
                    || (newer == 0 && later(Authorities.CRISIS, expiries, expiry) <= 0)) {
                if (known >= 0) {
                    return; // known already, for as long or longer
                }
                ISOException.throwIt(newer < 0 ? Spec.SW_REFERENCE_UNKNOWN : Spec.SW_DATE);
            }
        }
        if (known < 0) {
            device.order.drop();
        }
        device.authorities.store(keep(Authorities.CRISIS, certificate, expiries, expiry));

        JCSystem.beginTransaction();
        Util.arrayCopy(in, (short) 0, nvm.crisisCertificate, (short) 0,
                Spec.AUTHORITY_CERTIFICATE_LENGTH);
        nvm.store();
        JCSystem.commitTransaction();
    }

    /**
     * Where the end of a key's validity is: in its certificate or, when that is earlier, in the
     * entry of the root that certified it.
     */
    private byte[] expiries(short expiry, short root) {
        return Util.arrayCompare(ram.in, expiry, ram.state, device.authorities.expiry(root),
                Spec.DATE_LENGTH) > 0 ? ram.state : ram.in;
    }

    /** Above zero for an expiry after that of a place's authority, below for one before it. */
    private short later(short place, byte[] expiries, short expiry) {
        return Util.arrayCompare(expiries, expiry, ram.state, device.authorities.expiry(place),
                Spec.DATE_LENGTH);
    }

    private void requireSameKey(short known, short certificate) {
        if (!device.authorities.hasPoint(known, ram.in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_POINT))) {
            ISOException.throwIt(Spec.SW_KEY_KNOWN);
        }
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
     * Learns the next root from a link certificate: by the current root, for the same name, a later
     * number and no earlier end. A root that is known already changes nothing.
     */
    private void learnNextRoot(short certificate, short root) {
        byte[] in = ram.in;
        short holder = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER);
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        requireNotExpired(in, expiry);
        if (device.authorities.find(Authorities.ROOT, (short) 1, in, holder) >= 0) {
            requireSameKey(Authorities.ROOT, certificate);
            return;
        }
        short current = device.authorities.reference(Authorities.ROOT);
        if (root != Authorities.ROOT
                || Util.arrayCompare(in, holder, ram.state, current, Spec.NAME_LENGTH) != 0
                || Util.arrayCompare(in, holder, ram.state, current, Spec.AUTHORITY_LENGTH) < 0) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
        if (later(Authorities.ROOT, in, expiry) < 0) {
            ISOException.throwIt(Spec.SW_DATE);
        }
        device.authorities.storeRoot(keep(Authorities.ROOT, certificate, in, expiry));
        nvm.store();
    }

    private void requireNotExpired(byte[] b, short expiry) {
        if (device.authorities.isExpired(b, expiry)) {
            ISOException.throwIt(Spec.SW_EXPIRED);
        }
    }

    /** Keeps the certificate's holder for the session. Returns its place. */
    private short keep(short first, short certificate, byte[] expiries, short expiry) {
        short place = device.authorities.keep(first, ram.in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_POINT),
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER), expiries, expiry);
        if (place < 0) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return place;
    }
}
