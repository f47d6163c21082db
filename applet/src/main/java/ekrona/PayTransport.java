package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * PAY between this card and one other: PIN and answer are enciphered by keys from ECDH with the
 * session's nonce. The other side is a phone that knows the card's PIN key, or a payee that made
 * its point for this Request and has the batch key from anybody. Who stands between can neither
 * change Request, nonce or the answer to SELECT, which the MAC covers, nor make up a refusal.
 *
 * <p>Keys and proofs are hashes of the shared secret with what they are tied to (TR-03111 section
 * 4.3.3, SharedInfo): a hash costs a card a third of a CMAC. All of it is in scratch, and wiped by
 * SecretCommand.
 */
final class PayTransport {
    private static final short BLOCK = Spec.IV_LENGTH;
    private static final byte PADDING = (byte) 0x80;
    private static final short LONG_HEADER = (short) 4;
    private static final short SHORT_HEADER = (short) 2;
    private static final short MAX_ONE_BYTE = (short) 255;
    private static final short STATUS_LENGTH = (short) 2;
    /** From POINT to the value of the MAC. */
    private static final short OFFSET_MAC = (short) (Spec.PAY_PIN_OFFSET_CRYPTOGRAM
            + Spec.PIN_BLOCK_LENGTH + SHORT_HEADER);
    /** What masks the PIN block, after the key of the answer. */
    private static final short MASK = (short) (Ram.KEY + BLOCK);

    private final Device device;
    private final Ram ram;
    private final Select select;

    PayTransport(Device device, Select select) {
        this.device = device;
        this.select = select;
        ram = device.ram;
    }

    /** Reads the data objects from point to end. Reports whether a PIN is among them. */
    boolean read(short point, short end) {
        boolean withPin = (short) (end - point) != Spec.PAY_PIN_LENGTH_MIN;
        Tlv.requireAll(ram.in, point, end,
                withPin ? Spec.PAY_PIN_FRAME_MAX : Spec.PAY_PIN_FRAME_MIN,
                withPin ? Spec.PAY_PIN_LENGTH_MAX : Spec.PAY_PIN_LENGTH_MIN);
        return withPin;
    }

    /** Requires a nonce that no enciphered PIN has used up. */
    void requireFresh() {
        if (ram.session[Ram.NONCE_VALID] == 0) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
    }

    /**
     * Agrees with the sender of the point; the keys go to scratch at KEY. With the batch key only
     * for whoever made the point for this Request.
     */
    void agree(boolean batch, short point) {
        byte[] in = ram.in;
        short value = (short) (point + Spec.PAY_PIN_OFFSET_POINT);
        if (batch && Util.arrayCompare(in, (short) (value + 1), in,
                (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_RANDOM),
                Messages.RANDOM_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
        if (!device.engines.agree(batch, in, value)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        hashSecret(Spec.PAY_LABEL_KEYS);
        device.engines.sha.doFinal(ram.session, Ram.NONCE, Spec.NONCE_LENGTH, ram.scratch, Ram.KEY);
    }

    /** Begins a hash of the shared secret for one purpose. */
    private void hashSecret(byte[] label) {
        device.engines.sha.update(ram.scratch, Ram.AGREED, Spec.SCALAR_LENGTH);
        device.engines.sha.update(label, (short) 0, (short) label.length);
    }

    /** Requires the proof that the sender made the point, for this Request and session. */
    void requireMac(short point, short bodyLength) {
        byte[] in = ram.in;
        byte[] out = ram.out;
        hashSecret(Spec.PAY_LABEL_PIN);
        device.engines.sha.update(in, (short) 0, bodyLength);
        short next = select.put(out, (short) 0);
        next = Util.arrayCopyNonAtomic(in, (short) (point + Spec.PAY_PIN_OFFSET_CRYPTOGRAM), out,
                next, Spec.PIN_BLOCK_LENGTH);
        device.engines.sha.doFinal(out, (short) 0, next, ram.scratch, Ram.SECRET);
        if (Util.arrayCompare(ram.scratch, Ram.SECRET, in, (short) (point + OFFSET_MAC),
                Spec.PIN_MAC_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_MAC_WRONG);
        }
    }

    /** Writes the PIN block in clear to scratch at SECRET. The nonce is used up. */
    void decipher(short point) {
        byte[] scratch = ram.scratch;
        ram.session[Ram.NONCE_VALID] = 0;
        short cryptogram = (short) (point + Spec.PAY_PIN_OFFSET_CRYPTOGRAM);
        for (short i = 0; i < Spec.PIN_BLOCK_LENGTH; i += (short) 2) {
            Util.setShort(scratch, (short) (Ram.SECRET + i),
                    (short) (Util.getShort(scratch, (short) (MASK + i))
                            ^ Util.getShort(ram.in, (short) (cryptogram + i))));
        }
    }

    /** Answers with the Payment of that length at Ram.RECORD and the card's certificate. */
    void answer(short length) {
        encipher(Util.arrayCopyNonAtomic(device.nvm.certificate, (short) 0, ram.out,
                (short) (Ram.RECORD + length), Spec.DEVICE_CERTIFICATE_LENGTH));
    }

    /** Answers with a refusal of the Request, whose body has that length. */
    void refuse(short status, short bodyLength) {
        byte[] out = ram.out;
        short next = Tlv.open(out, Ram.RECORD, Spec.TAG_REFUSED, Spec.REFUSED_CONTENT_LENGTH);
        next = Tlv.open(out, next, Spec.TAG_STATUS, STATUS_LENGTH);
        hashSecret(Spec.PAY_LABEL_REFUSED);
        device.engines.sha.update(ram.session, Ram.NONCE, Spec.NONCE_LENGTH);
        Util.setShort(out, next, status);
        device.engines.sha.update(out, next, STATUS_LENGTH);
        device.engines.sha.doFinal(ram.in, (short) 0, bodyLength, ram.scratch, Ram.SECRET);
        encipher(Tlv.put(out, (short) (next + STATUS_LENGTH), Spec.TAG_MAC, ram.scratch, Ram.SECRET,
                Spec.PIN_MAC_LENGTH));
    }

    /** Enciphers out from Ram.RECORD to end, padded, and makes it the response. */
    private void encipher(short end) {
        byte[] out = ram.out;
        short padding = (short) (BLOCK - (short) ((short) (end - Ram.RECORD) & (BLOCK - 1)));
        out[end] = PADDING;
        end = Util.arrayFillNonAtomic(out, (short) (end + 1), (short) (padding - 1), (byte) 0);
        short length = (short) (end - Ram.RECORD);
        device.engines.encrypt(ram.scratch, Ram.KEY, out, Ram.RECORD, length);
        // A refusal has a short length, and a Payment one of two bytes.
        short start =
                (short) (Ram.RECORD - (length > MAX_ONE_BYTE ? LONG_HEADER : SHORT_HEADER));
        Tlv.open(out, start, Spec.TAG_CRYPTOGRAM, length);
        device.channel.respond(start, (short) (end - start));
    }
}
