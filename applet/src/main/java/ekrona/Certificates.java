package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Card-verifiable certificates (TR-03110-3 §C.1) in the one form that the spec has, and what a device's certificate must
 * fulfil. Offsets of parts are those of the spec, from the start of the certificate's content.
 */
final class Certificates {
    /** Bytes of tag and length before the content. */
    static final short HEADER = (short) (Spec.DEVICE_CERTIFICATE_LENGTH - Spec.DEVICE_CERTIFICATE_CONTENT_LENGTH);

    private static final short PUBLIC_KEY_LENGTH = (short) (Spec.DEVICE_CERTIFICATE_OFFSET_POINT + Spec.POINT_LENGTH
            - Spec.DEVICE_CERTIFICATE_AT_ALGORITHM);
    private static final short ROLE_TEMPLATE_LENGTH =
            (short) (Spec.DEVICE_CERTIFICATE_AT_EFFECTIVE - Spec.DEVICE_CERTIFICATE_AT_ROLE_ID);
    private static final short DEVICE_BODY_LENGTH =
            (short) (Spec.DEVICE_CERTIFICATE_AT_SIGNATURE - Spec.DEVICE_CERTIFICATE_AT_PROFILE);
    private static final short AUTHORITY_BODY_LENGTH =
            (short) (Spec.AUTHORITY_CERTIFICATE_AT_SIGNATURE - Spec.AUTHORITY_CERTIFICATE_AT_PROFILE);

    private final Ram ram;
    private final Nvm nvm;
    private final Engines engines;
    private final Authorities authorities;

    Certificates(Ram ram, Nvm nvm, Engines engines, Authorities authorities) {
        this.ram = ram;
        this.nvm = nvm;
        this.engines = engines;
        this.authorities = authorities;
    }

    /** Reads a device's certificate in ram.in, from offset to the end of the command. Returns the offset of its content. */
    short device(short offset) {
        return read(offset, Spec.DEVICE_CERTIFICATE_CONTENT_LENGTH, DEVICE_BODY_LENGTH, Spec.DEVICE_ID_LENGTH);
    }

    /** Reads an authority's certificate in ram.in that fills the command. Returns the offset of its content. */
    short authority() {
        return read((short) 0, Spec.AUTHORITY_CERTIFICATE_CONTENT_LENGTH, AUTHORITY_BODY_LENGTH, Spec.AUTHORITY_LENGTH);
    }

    private short read(short offset, short length, short bodyLength, short holderLength) {
        byte[] b = ram.in;
        short end = ram.words[Ram.IN_LENGTH];
        short content = Tlv.enter(b, offset, end, Spec.TAG_CERTIFICATE, length);
        short next = Tlv.enter(b, content, end, Spec.TAG_CERTIFICATE_BODY, bodyLength);
        next = Tlv.enter(b, next, end, Spec.TAG_PROFILE, (short) 1);
        require(b[next] == Spec.CERTIFICATE_PROFILE);
        next = Tlv.skip(b, (short) (next + 1), end, Spec.TAG_AUTHORITY, Spec.AUTHORITY_LENGTH);
        next = Tlv.enter(b, next, end, Spec.TAG_PUBLIC_KEY, PUBLIC_KEY_LENGTH);
        next = objectId(b, next, end, Spec.OID_ECDSA_SHA256);
        next = Tlv.skip(b, next, end, Spec.TAG_POINT, Spec.POINT_LENGTH);
        next = Tlv.skip(b, next, end, Spec.TAG_HOLDER, holderLength);
        next = Tlv.enter(b, next, end, Spec.TAG_ROLE_TEMPLATE, ROLE_TEMPLATE_LENGTH);
        next = objectId(b, next, end, Spec.OID_ROLE);
        next = Tlv.skip(b, next, end, Spec.TAG_ROLE, (short) 1);
        short effective = Tlv.enter(b, next, end, Spec.TAG_DATE, Spec.DATE_LENGTH);
        Tlv.date(b, effective);
        short expiry = Tlv.enter(b, (short) (effective + Spec.DATE_LENGTH), end, Spec.TAG_EXPIRY, Spec.DATE_LENGTH);
        Tlv.date(b, expiry);
        require(Util.arrayCompare(b, effective, b, expiry, Spec.DATE_LENGTH) <= 0);
        next = Tlv.skip(b, (short) (expiry + Spec.DATE_LENGTH), end, Spec.TAG_SIGNATURE, Spec.SIGNATURE_LENGTH);
        Tlv.end(next, end);
        return content;
    }

    private static short objectId(byte[] b, short offset, short end, byte[] id) {
        short length = (short) id.length;
        short value = Tlv.enter(b, offset, end, Spec.TAG_OBJECT_ID, length);
        require(Util.arrayCompare(b, value, id, (short) 0, length) == 0);
        return (short) (value + length);
    }

    private static void require(boolean condition) {
        if (!condition) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
    }

    /** Place of the CA that certified a device. Quick, so that a reader learns early which certificate it must bring. */
    short requireKnownCA(short certificate) {
        short place = authorities.find(Authorities.CA, Spec.CA_CACHE, ram.in,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_AUTHORITY));
        if (place < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        return place;
    }

    /** A CA certifies only ids that carry its own name. */
    void requireOwnName(short certificate) {
        if (Util.arrayCompare(ram.in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_AUTHORITY),
                ram.in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER), Spec.NAME_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
    }

    /** Neither a device's certificate nor that of its CA has expired by the card's date. */
    void requireNotExpired(short certificate, short ca) {
        if (authorities.isExpired(ram.in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY))
                || authorities.isExpired(ca)) {
            ISOException.throwIt(Spec.SW_EXPIRED);
        }
    }

    /** Neither the own certificate nor that of the own CA has expired by the card's date. */
    void requireOwnNotExpired() {
        if (authorities.isExpired(nvm.certificate, (short) (HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY))
                || authorities.isExpired(authorities.ownCA())) {
            ISOException.throwIt(Spec.SW_EXPIRED);
        }
    }

    /** Verifies a device's certificate by its CA's key. */
    void requireSignature(short certificate, short ca) {
        if (!engines.verify(authorities.key(ca), ram.in, certificate, Spec.DEVICE_CERTIFICATE_AT_SIGNATURE,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_SIGNATURE))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
    }

    /** Takes the key of a verified device's certificate, for the message that it signed. Writes scratch in NVM. */
    void takeKey(short certificate) {
        if (!Engines.set(engines.peer, ram.in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_POINT))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
    }
}
