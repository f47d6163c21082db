package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Card-verifiable certificates (TR-03110-3 section C.1) in the one form that the spec has, and the
 * requirements on a device's certificate. Offsets of parts are those of the spec, from the start of
 * the certificate's content.
 */
final class Certificates {
    /** Bytes of tag and length before the content. */
    static final short HEADER =
            (short) (Spec.DEVICE_CERTIFICATE_LENGTH - Spec.DEVICE_CERTIFICATE_CONTENT_LENGTH);

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

    /**
     * Reads a device's certificate in ram.in, from offset to the end of the command. Returns the
     * offset of its content.
     */
    short device(short offset) {
        short content = device(offset, ram.words[Ram.IN_LENGTH]);
        requireDates(content);
        return content;
    }

    /** As above, where something else follows at end; but for the dates in it. */
    short device(short offset, short end) {
        if ((short) (end - offset) != Spec.DEVICE_CERTIFICATE_LENGTH
                || !Spec.isDeviceCertificate(ram.in, offset)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return (short) (offset + HEADER);
    }

    /** Requires the dates of a device's certificate. */
    void requireDates(short certificate) {
        Tlv.requireDates(ram.in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_EFFECTIVE),
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY));
    }

    /**
     * Reads an authority's certificate in ram.in that fills the command. Returns the offset of its
     * content.
     */
    short authority() {
        if (ram.words[Ram.IN_LENGTH] != Spec.AUTHORITY_CERTIFICATE_LENGTH
                || !Spec.isAuthorityCertificate(ram.in, (short) 0)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        Tlv.requireDates(ram.in, (short) (HEADER + Spec.AUTHORITY_CERTIFICATE_OFFSET_EFFECTIVE),
                (short) (HEADER + Spec.AUTHORITY_CERTIFICATE_OFFSET_EXPIRY));
        return HEADER;
    }

    /**
     * Returns the place of the CA that certified a device. This check is quick, so that a reader
     * learns early which certificate it must load.
     */
    short requireKnownCA(short certificate) {
        short place = authorities.find(Authorities.CA, Spec.CA_CACHE, ram.in,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_AUTHORITY));
        if (place < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        return place;
    }

    /** Requires an id that begins with the CA's own name: a CA may certify no other. */
    void requireOwnName(short certificate) {
        short holder = (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER);
        if (Util.arrayCompare(ram.in,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_AUTHORITY),
                ram.in, holder, Spec.NAME_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_ROLE);
        }
        Messages.requireId(ram.in, (short) (holder + Spec.NAME_LENGTH),
                (short) (Spec.DEVICE_ID_LENGTH - Spec.NAME_LENGTH));
    }

    /**
     * Requires that neither a device's certificate nor that of its CA has expired by the card's
     * date.
     */
    void requireNotExpired(short certificate, short ca) {
        requireNotExpired(ram.in, (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY),
                ca);
    }

    /**
     * Requires that neither the card's own certificate nor that of its CA has expired by the card's
     * date.
     */
    void requireOwnNotExpired() {
        requireNotExpired(nvm.certificate,
                (short) (HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_EXPIRY), authorities.ownCA());
    }

    private void requireNotExpired(byte[] b, short expiry, short ca) {
        byte[] state = ram.state;
        if (Util.arrayCompare(b, expiry, state, Nvm.DATE, Spec.DATE_LENGTH) < 0
                || Util.arrayCompare(state, authorities.expiry(ca), state, Nvm.DATE,
                        Spec.DATE_LENGTH) < 0) {
            ISOException.throwIt(Spec.SW_EXPIRED);
        }
    }

    /** Requires a device's certificate that its CA's key has signed. */
    void requireSignature(short certificate, short ca) {
        if (!isSigned(certificate, ca)) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
    }

    /** Verifies a device's certificate with its CA's key. */
    boolean isSigned(short certificate, short ca) {
        return authorities.verify(ca, certificate, Spec.DEVICE_CERTIFICATE_AT_SIGNATURE,
                (short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_SIGNATURE));
    }

    /**
     * Requires that a certificate's holder signed the message at the start of the command, whose
     * body has bodyLength bytes.
     */
    void requireMessage(short certificate, short bodyLength) {
        if (!engines.setPeer((short) (certificate + Spec.DEVICE_CERTIFICATE_OFFSET_POINT))) {
            ISOException.throwIt(Spec.SW_CERTIFICATE);
        }
        if (!engines.verifyByPeer((short) 0, bodyLength,
                (short) (bodyLength + Messages.SIGNATURE_HEADER))) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
    }
}
