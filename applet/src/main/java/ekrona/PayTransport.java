package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;
import javacard.security.MessageDigest;

/**
 * PAY between this card and one other: PIN and answer are enciphered by a key from ECDH, which is
 * tied to the Request and to the session. The other side is a phone that knows the card's PIN key,
 * or a payee that made its point for this Request and has the batch key from anybody. Who stands
 * between can change neither Request, nonce nor the answer to SELECT, nor make up a refusal.
 *
 * <p>The cipher is initialised once, to encipher: the other side deciphers batch, PIN block and
 * nonce, so that enciphering gives them back, and what comes out proves the key. The input of its
 * hash has two blocks of SHA-256, for a Request that names no payer. All of it is in scratch.
 */
final class PayTransport {
    private static final byte PADDING = (byte) 0x80;
    private static final short STATUS_LENGTH = (short) 2;
    /** What is enciphered of a Payment: a byte of padding makes whole blocks of it. */
    static final short PAID_LENGTH = (short) (Spec.PAY_PAID_LENGTH + 1);
    /** And of a refusal, which is whole blocks, with a block of padding. */
    private static final short REFUSED_LENGTH = (short) (Spec.PAY_REFUSED_LENGTH + Spec.IV_LENGTH);
    /** From a certificate's role to its end. */
    private static final short FROM_ROLE = (short) (Spec.DEVICE_CERTIFICATE_CONTENT_LENGTH
            - Spec.DEVICE_CERTIFICATE_OFFSET_ROLE);
    private static final short CAPABILITIES = (short) 2;
    // What is enciphered with the PIN block, in scratch: before it the batch, and after it the
    // nonce.
    private static final short NONCE = (short) (Ram.SECRET + Spec.PIN_BLOCK_LENGTH);
    private static final short CRYPTOGRAM_LENGTH =
            (short) (NONCE + Spec.NONCE_LENGTH - Ram.BATCH);

    private final Device device;
    private final Ram ram;
    /** The label of the key, version and capabilities. */
    private final byte[] prefix;

    PayTransport(Device device) {
        this.device = device;
        ram = device.ram;
        short label = (short) Spec.PAY_LABEL_KEYS.length;
        prefix = new byte[(short) (label + CAPABILITIES + 1)];
        Util.arrayCopy(Spec.PAY_LABEL_KEYS, (short) 0, prefix, (short) 0, label);
        Util.setShort(prefix, label, Spec.VERSION);
        prefix[(short) (label + CAPABILITIES)] = Selection.CAPABILITIES;
    }

    /** Reads the data objects from point to end. Reports whether a PIN is among them. */
    boolean read(short point, short end) {
        short length = (short) (end - point);
        if (length == Spec.PAY_PIN_LENGTH_MAX && Spec.isPayPinMax(ram.in, point)) {
            return true;
        }
        if (length != Spec.PAY_PIN_LENGTH_MIN || !Spec.isPayPinMin(ram.in, point)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        return false;
    }

    /** Requires a nonce that no enciphered PIN has used up. */
    void requireFresh() {
        if (!device.nonce.isFresh()) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
    }

    /**
     * Agrees with the sender of the point, for a Request whose body has that length; the cipher has
     * the key. With the batch key only for whoever made the point for this Request.
     */
    void agree(boolean batch, short point, short bodyLength) {
        byte[] in = ram.in;
        byte[] scratch = ram.scratch;
        short value = (short) (point + Spec.PAY_PIN_OFFSET_POINT);
        if (batch && Util.arrayCompare(in, (short) (value + 1), in,
                (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_RANDOM),
                Messages.RANDOM_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
        Engines engines = device.engines;
        if (!engines.agree(batch, value)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        if (!device.guard.isFirst()) {
            return;
        }
        MessageDigest sha = engines.sha;
        sha.update(scratch, Ram.AGREED, Spec.SCALAR_LENGTH);
        sha.update(prefix, (short) 0, (short) prefix.length);
        sha.update(ram.state, Nvm.LIFE, (short) 1);
        sha.update(ram.session, Ram.NONCE, Spec.NONCE_LENGTH);
        sha.doFinal(in, (short) 0, bodyLength, scratch, Ram.KEY);
        engines.setKey(scratch, Ram.KEY);
    }

    /**
     * Writes the PIN block in clear to scratch at SECRET. Requires the proof that the sender made
     * the point, for this Request and session.
     */
    void decipher(short point) {
        byte[] scratch = ram.scratch;
        if (device.guard.isFirst()) {
            device.engines.encipher(ram.in, (short) (point + Spec.PAY_PIN_OFFSET_CRYPTOGRAM),
                    CRYPTOGRAM_LENGTH, scratch, Ram.BATCH);
        }
        if (!device.nonce.isAt(NONCE) || Util.arrayCompare(scratch, Ram.BATCH, device.nvm.batch,
                Nvm.BATCH_HOLDER, Spec.DEVICE_ID_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_MAC_WRONG);
        }
    }

    /**
     * Answers with what the sender does not know of the Payment of that length at Ram.RECORD, which
     * begins with its signature, and of the card's certificate.
     */
    void answer(short length) {
        byte[] out = ram.out;
        byte[] certificate = device.nvm.certificate;
        short next = (short) (Ram.RECORD + length);
        short start = (short) (next - Spec.SIGNATURE_LENGTH);
        next = Util.arrayCopyNonAtomic(out,
                (short) (Ram.RECORD + Messages.PAYMENT_HEADER + Spec.PAYMENT_OFFSET_ATC), out, next,
                U32.LENGTH);
        next = Util.arrayCopyNonAtomic(certificate,
                (short) (Certificates.HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_AUTHORITY
                        + Spec.NAME_LENGTH),
                out, next, (short) (Spec.AUTHORITY_LENGTH - Spec.NAME_LENGTH));
        next = Util.arrayCopyNonAtomic(certificate,
                (short) (Certificates.HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_POINT + 1), out, next,
                (short) (Spec.POINT_LENGTH - 1));
        next = Util.arrayCopyNonAtomic(certificate,
                (short) (Certificates.HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_HOLDER), out, next,
                Spec.DEVICE_ID_LENGTH);
        next = Util.arrayCopyNonAtomic(certificate,
                (short) (Certificates.HEADER + Spec.DEVICE_CERTIFICATE_OFFSET_ROLE), out, next,
                FROM_ROLE);
        out[next] = PADDING;
        encipher(start, PAID_LENGTH);
    }

    /** Answers with a refusal of the Request, whose body has that length. */
    void refuse(short status, short bodyLength) {
        byte[] out = ram.out;
        MessageDigest sha = device.engines.sha;
        short next = Tlv.open(out, Ram.RECORD, Spec.TAG_REFUSED, Spec.REFUSED_CONTENT_LENGTH);
        next = Tlv.open(out, next, Spec.TAG_STATUS, STATUS_LENGTH);
        sha.update(ram.scratch, Ram.AGREED, Spec.SCALAR_LENGTH);
        sha.update(Spec.PAY_LABEL_REFUSED, (short) 0, (short) Spec.PAY_LABEL_REFUSED.length);
        sha.update(ram.session, Ram.NONCE, Spec.NONCE_LENGTH);
        Util.setShort(out, next, status);
        sha.update(out, next, STATUS_LENGTH);
        sha.doFinal(ram.in, (short) 0, bodyLength, ram.scratch, Ram.SECRET);
        next = Tlv.put(out, (short) (next + STATUS_LENGTH), Spec.TAG_MAC, ram.scratch, Ram.SECRET,
                Spec.PIN_MAC_LENGTH);
        out[next] = PADDING;
        Util.arrayFillNonAtomic(out, (short) (next + 1), (short) (Spec.IV_LENGTH - 1), (byte) 0);
        encipher(Ram.RECORD, REFUSED_LENGTH);
    }

    /** Enciphers out from start, whole blocks, and makes it the response. */
    private void encipher(short start, short length) {
        byte[] out = ram.out;
        device.engines.encipher(out, start, length, out, start);
        short header = (short) (start - Tlv.headerLength(length));
        Tlv.open(out, header, Spec.TAG_CRYPTOGRAM, length);
        device.channel.respond(header, (short) (start + length - header));
    }
}
