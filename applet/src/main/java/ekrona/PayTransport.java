package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * PAY between this card and one other: PIN and answer are enciphered by keys from ECDH with the
 * session's nonce. The other side is a phone that knows the card's PIN key, or a payee that made
 * its point for this Request and has the batch key from anybody. Who stands between can neither
 * change Request, nonce or the answer to SELECT, which the MAC covers, nor make up a refusal.
 *
 * <p>The first hash of the shared secret is the key of the answer and that of the MACs, the second
 * one masks the PIN block. All of it is in scratch, and wiped by SecretCommand.
 */
final class PayTransport {
    private static final short BLOCK = Spec.IV_LENGTH;
    private static final byte PADDING = (byte) 0x80;
    private static final short LONG_HEADER = (short) 4;
    private static final short SHORT_HEADER = (short) 2;
    private static final short MAX_SHORT_FORM = (short) 127;
    private static final short MAX_ONE_BYTE = (short) 255;
    private static final short STATUS_LENGTH = (short) 2;
    /** From POINT to the value of the MAC. */
    private static final short OFFSET_MAC = (short) (Spec.PAY_PIN_OFFSET_CRYPTOGRAM
            + Spec.PIN_BLOCK_LENGTH + SHORT_HEADER);
    private static final short MAC_KEY = (short) (Ram.KEY + BLOCK);
    /** Where in out a MAC over a refusal is computed, after the refusal. */
    private static final short MAC_INPUT = (short) (Ram.RECORD + 2 * BLOCK);

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
     * Agrees with the sender of the point on the first hash, to scratch at KEY. With the batch key
     * only for whoever made the point for this Request.
     */
    void agree(boolean batch, short point) {
        byte[] in = ram.in;
        byte[] scratch = ram.scratch;
        short value = (short) (point + Spec.PAY_PIN_OFFSET_POINT);
        if (batch) {
            device.engines.sha.doFinal(in, value, Spec.POINT_LENGTH, scratch, Ram.KEY);
            if (Util.arrayCompare(scratch, Ram.KEY, in,
                    (short) (Messages.REQUEST_HEADER + Spec.REQUEST_OFFSET_RANDOM),
                    Messages.RANDOM_LENGTH) != 0) {
                ISOException.throwIt(Spec.SW_SIGNATURE);
            }
        }
        if (!device.engines.agree(batch, in, value)) {
            ISOException.throwIt(Spec.SW_WRONG_DATA);
        }
        derive(Spec.PIN_LABEL_ENC, Ram.KEY);
    }

    private void derive(byte[] counter, short target) {
        device.engines.sha.update(ram.scratch, Ram.AGREED, Spec.SCALAR_LENGTH);
        device.engines.sha.update(counter, (short) 0, (short) counter.length);
        device.engines.sha.doFinal(ram.session, Ram.NONCE, Spec.NONCE_LENGTH, ram.scratch, target);
    }

    /** Requires the MAC, and leaves the Request's identity in scratch at IDENTITY. */
    void requireMac(short point, short bodyLength) {
        byte[] in = ram.in;
        byte[] out = ram.out;
        device.engines.computeIdentity(in, (short) 0, bodyLength);
        short next = Util.arrayCopyNonAtomic(ram.scratch, Ram.IDENTITY, out, (short) 0,
                Spec.HASH_LENGTH);
        next = select.put(out, next);
        next = Util.arrayCopyNonAtomic(in, (short) (point + Spec.PAY_PIN_OFFSET_CRYPTOGRAM), out,
                next, Spec.PIN_BLOCK_LENGTH);
        device.cmac.compute(ram.scratch, MAC_KEY, out, (short) 0, next);
        if (!device.cmac.matches(in, (short) (point + OFFSET_MAC), Spec.PIN_MAC_LENGTH)) {
            ISOException.throwIt(Spec.SW_MAC_WRONG);
        }
    }

    /** Writes the PIN block in clear to scratch at SECRET. The nonce is used up. */
    void decipher(short point) {
        byte[] scratch = ram.scratch;
        ram.session[Ram.NONCE_VALID] = 0;
        derive(Spec.PIN_LABEL_MAC, Ram.SECRET);
        short cryptogram = (short) (point + Spec.PAY_PIN_OFFSET_CRYPTOGRAM);
        for (short i = 0; i < Spec.PIN_BLOCK_LENGTH; i++) {
            scratch[(short) (Ram.SECRET + i)] ^= ram.in[(short) (cryptogram + i)];
        }
    }

    /** Answers with the Payment of that length at Ram.RECORD and the card's certificate. */
    void answer(short length) {
        encipher(Util.arrayCopyNonAtomic(device.nvm.certificate, (short) 0, ram.out,
                (short) (Ram.RECORD + length), Spec.DEVICE_CERTIFICATE_LENGTH));
    }

    /** Answers with a refusal of the Request whose identity is in scratch. */
    void refuse(short status) {
        byte[] out = ram.out;
        out[MAC_INPUT] = (byte) Spec.TAG_REFUSED;
        Util.setShort(out, (short) (MAC_INPUT + 1), status);
        Util.arrayCopyNonAtomic(ram.scratch, Ram.IDENTITY, out,
                (short) (MAC_INPUT + 1 + STATUS_LENGTH), Spec.HASH_LENGTH);
        device.cmac.compute(ram.scratch, MAC_KEY, out, MAC_INPUT,
                (short) (1 + STATUS_LENGTH + Spec.HASH_LENGTH));
        short next = Tlv.open(out, Ram.RECORD, Spec.TAG_REFUSED, Spec.REFUSED_CONTENT_LENGTH);
        next = Util.setShort(out, Tlv.open(out, next, Spec.TAG_STATUS, STATUS_LENGTH), status);
        encipher(Tlv.put(out, next, Spec.TAG_MAC, ram.scratch, Ram.MAC, Spec.PIN_MAC_LENGTH));
    }

    /** Enciphers out from Ram.RECORD to end, padded, and makes it the response. */
    private void encipher(short end) {
        byte[] out = ram.out;
        short padding = (short) (BLOCK - (short) ((short) (end - Ram.RECORD) & (BLOCK - 1)));
        out[end] = PADDING;
        end = Util.arrayFillNonAtomic(out, (short) (end + 1), (short) (padding - 1), (byte) 0);
        short length = (short) (end - Ram.RECORD);
        device.engines.encrypt(ram.scratch, Ram.KEY, out, Ram.RECORD, length);
        short start = (short) (Ram.RECORD - (length > MAX_ONE_BYTE ? LONG_HEADER
                : length > MAX_SHORT_FORM ? (short) (LONG_HEADER - 1) : SHORT_HEADER));
        Tlv.open(out, start, Spec.TAG_CRYPTOGRAM, length);
        device.channel.respond(start, (short) (end - start));
    }
}
