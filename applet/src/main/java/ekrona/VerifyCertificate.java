package ekrona;

import javacard.framework.ISOException;
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
    // Plans, besides NOTHING.
    private static final short KEEP = (short) 0x363C;
    private static final short STORE = (short) 0x59C3;
    private static final short STORE_ROOT = (short) 0xA3CA;
    /** A crisis key that is known already, and another one. */
    private static final short STORE_CRISIS = (short) 0xC596;
    private static final short STORE_OTHER_CRISIS = (short) 0x9A65;

    VerifyCertificate(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, true);
    }

    short check() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_PSO_VERIFY_CERTIFICATE);
        short certificate = device.certificates.authority();
        Util.setShort(ram.scratch, Ram.CERTIFICATE, certificate);
        if (!device.authorities.isKnown(Authorities.ROOT)) {
            return checkFirstRoot(certificate);
        }
        short root = device.authorities.find(Authorities.ROOT, Spec.ROOTS_KEPT, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_AUTHORITY));
        if (root < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        Util.setShort(ram.scratch, Ram.PLACE, root);
        // The signature comes before the dates: made-up certificates do not find out the card's.
        if (!device.authorities.verify(root, certificate, Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_SIGNATURE))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
        short first = firstOfRole(in[(short) (certificate
                + Spec.AUTHORITY_CERTIFICATE_OFFSET_ROLE)], certificate);
        Util.setShort(ram.scratch, Ram.PLACE_2, first);
        short plan;
        if (first == Authorities.ROOT) {
            plan = checkNextRoot(certificate, root);
        } else if (first == Authorities.CRISIS) {
            plan = checkCrisisKey(certificate, root);
        } else {
            plan = checkOther(certificate, root, first);
        }
        if (plan != NOTHING) {
            requireKey(certificate);
        }
        return plan;
    }

    /** The first place of a role; requires one that authorities have, and that may be learnt. */
    private short firstOfRole(byte role, short certificate) {
        switch (role) {
            case Spec.ROLE_ROOT:
                return Authorities.ROOT;
            case Spec.ROLE_INTERMEDIARY:
                return Authorities.CA;
            case Spec.ROLE_CRISIS_KEY:
                return Authorities.CRISIS;
            case Spec.ROLE_NOTARY:
                return Authorities.NOTARY;
            default:
                requireInstructionKeyOfOwnName(certificate, role);
                return Authorities.INSTRUCTION_KEY;
        }
    }

    /** The root itself: it is self-signed, and its body has the hash that was installed. */
    private short checkFirstRoot(short certificate) {
        byte[] in = ram.in;
        device.engines.computeIdentity(certificate, Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE);
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
        if (!device.engines.setPeer(
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_POINT))) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        if (!device.engines.verifyByPeer(certificate, Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_SIGNATURE))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
        requireNotExpired(in, (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY));
        Util.setShort(ram.scratch, Ram.PLACE_2, Authorities.ROOT);
        requireKey(certificate);
        return STORE_ROOT;
    }

    /** An authority that is neither root nor crisis key; its role's places begin with first. */
    private short checkOther(short certificate, short root, short first) {
        byte[] in = ram.in;
        short count = first == Authorities.CA ? Spec.CA_CACHE : (short) 1;
        byte[] expiries = expiries(certificate, root);
        short expiry = expiry(certificate, root);
        requireNotExpired(expiries, expiry);
        short known = device.authorities.find(first, count, in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER));
        Util.setShort(ram.scratch, Ram.KNOWN, known);
        if (known >= 0) {
            requireSameKey(known, certificate);
            if (later(known, expiries, expiry) <= 0) {
                return NOTHING; // known already, for as long or longer
            }
        }
        if (count == 1 && root != Authorities.ROOT) { // a former root makes nobody who instructs
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        boolean activated = ram.state[Nvm.LIFE] >= Spec.LIFE_ACTIVE;
        // Neither notary nor instruction key goes back.
        if (activated && count == 1 && later(first, expiries, expiry) < 0) {
            ISOException.throwIt(Spec.SW_DATE);
        }
        return activated ? KEEP : STORE;
    }

    /**
     * A crisis key, whoever presents it: its certificate is stored too, for readers that do not
     * know it, and what the former key has signed is dropped. It never goes back: it is by a later
     * root than the stored one's, or by the same root with a later end.
     */
    private short checkCrisisKey(short certificate, short root) {
        byte[] in = ram.in;
        byte[] expiries = expiries(certificate, root);
        short expiry = expiry(certificate, root);
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
                    return NOTHING; // known already, for as long or longer
                }
                ISOException.throwIt(newer < 0 ? Spec.SW_REFERENCE_UNKNOWN : Spec.SW_DATE);
            }
        }
        return known < 0 ? STORE_OTHER_CRISIS : STORE_CRISIS;
    }

    /**
     * The next root, by a link certificate of the current root, for the same name, a later number
     * and no earlier end. A root that is known already changes nothing.
     */
    private short checkNextRoot(short certificate, short root) {
        byte[] in = ram.in;
        short holder = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER);
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        requireNotExpired(in, expiry);
        if (device.authorities.find(Authorities.ROOT, (short) 1, in, holder) >= 0) {
            requireSameKey(Authorities.ROOT, certificate);
            return NOTHING;
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
        return STORE_ROOT;
    }

    /** Requires a point that the platform accepts; the key goes to a scratch row. */
    private void requireKey(short certificate) {
        if (!device.authorities.setKey(
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_POINT))) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /** Keeps the certificate's holder for the session, and stores what is stored. */
    void apply() {
        if (plans(NOTHING)) {
            return;
        }
        short certificate = Util.getShort(ram.scratch, Ram.CERTIFICATE);
        short expiry = (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
        byte[] expiries = ram.in;
        if (!plans(STORE_ROOT)) {
            expiries = expiries(certificate, Util.getShort(ram.scratch, Ram.PLACE));
            expiry = expiry(certificate, Util.getShort(ram.scratch, Ram.PLACE));
        }
        short kept = device.authorities.keep(Util.getShort(ram.scratch, Ram.PLACE_2), ram.in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_HOLDER), expiries, expiry);
        if (plans(STORE_ROOT)) {
            device.authorities.storeRoot(kept);
        } else if (!plans(KEEP)) {
            device.authorities.store(kept);
            if (plans(STORE_OTHER_CRISIS)) {
                device.order.drop();
            }
        }
    }

    void done() {
        if (plans(STORE_ROOT)) {
            device.authorities.forgetAll();
            device.authorities.endTurn();
        } else if (plans(KEEP)) {
            device.authorities.endTurn(Util.getShort(ram.scratch, Ram.KNOWN));
        } else if (!plans(NOTHING)) {
            device.authorities.forgetStored(device.authorities.keptPlace());
        }
    }

    boolean changesMore() {
        return storesCrisisKey();
    }

    void writeMore() {
        if (storesCrisisKey()) {
            Util.arrayCopy(ram.in, (short) 0, nvm.crisisCertificate, (short) 0,
                    Spec.AUTHORITY_CERTIFICATE_LENGTH);
        }
    }

    boolean isAsComputed() {
        return !storesCrisisKey() || Util.arrayCompare(ram.in, (short) 0, nvm.crisisCertificate,
                (short) 0, Spec.AUTHORITY_CERTIFICATE_LENGTH) == 0;
    }

    private boolean storesCrisisKey() {
        return plans(STORE_CRISIS) || plans(STORE_OTHER_CRISIS);
    }

    /**
     * Where the end of a key's validity is: in its certificate or, when that is earlier, in the
     * entry of the root that certified it.
     */
    private byte[] expiries(short certificate, short root) {
        return endsAfter(certificate, root) ? ram.state : ram.in;
    }

    /** Its offset there. */
    private short expiry(short certificate, short root) {
        return endsAfter(certificate, root) ? device.authorities.expiry(root)
                : (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY);
    }

    private boolean endsAfter(short certificate, short root) {
        return Util.arrayCompare(ram.in,
                (short) (certificate + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY), ram.state,
                device.authorities.expiry(root), Spec.DATE_LENGTH) > 0;
    }

    /** Above zero for an expiry after that of a place's authority, below for one before it. */
    private short later(short place, byte[] expiries, short expiry) {
        return Util.arrayCompare(expiries, expiry, ram.state, device.authorities.expiry(place),
                Spec.DATE_LENGTH);
    }

    private void requireSameKey(short known, short certificate) {
        if (!device.authorities.hasPoint(known,
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

    private void requireNotExpired(byte[] b, short expiry) {
        if (device.authorities.isExpired(b, expiry)) {
            ISOException.throwIt(Spec.SW_EXPIRED);
        }
    }
}
