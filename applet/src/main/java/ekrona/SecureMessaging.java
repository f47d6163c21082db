package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * Secure messaging with the paired phone, after BSI TR-03110-3 appendix F with AES-128: commands
 * and answers are enciphered in CBC mode, the initial value being the enciphered counter, and carry
 * a CMAC over counter, header and data objects. The counter is incremented before each command and
 * each answer, so that none is good at another place or in another session. A command that is wrong
 * in anything has one answer, and ends it.
 *
 * <p>The whole command is secured, and then chained or fetched in parts where a reader needs that.
 */
final class SecureMessaging {
    private static final short BLOCK = Spec.IV_LENGTH;
    private static final byte PADDING = (byte) 0x80;
    /** What stands before a cryptogram: it is padded with 80 and zeros. */
    private static final byte PADDED = (byte) 0x01;
    private static final short MAC_HEADER = (short) 2;
    private static final short MAC_WHOLE = (short) (MAC_HEADER + Spec.PIN_MAC_LENGTH);
    private static final short LE_HEADER = (short) 2;
    private static final short MAX_LE = (short) 2;
    private static final short MAX_SHORT_FORM = (short) 127;
    private static final short MAX_ONE_BYTE = (short) 255;
    private static final short STATUS_LENGTH = (short) 2;
    private static final short HEADER_LENGTH = (short) 4;

    private final Ram ram;
    private final Nvm nvm;
    private final Guard guard;
    private final Engines engines;
    private final Cmac cmac;
    private final Channel channel;

    SecureMessaging(Ram ram, Nvm nvm, Guard guard, Engines engines, Cmac cmac,
            Channel channel) {
        this.ram = ram;
        this.nvm = nvm;
        this.guard = guard;
        this.engines = engines;
        this.cmac = cmac;
        this.channel = channel;
    }

    /** Opens it: the keys are in the session. */
    void open() {
        Util.arrayFillNonAtomic(ram.session, Ram.SECURED_COUNTER, U32.LENGTH, (byte) 0);
        cmac.beginSession(ram.session, Ram.SECURED_SUBKEY);
        ram.session[Ram.SECURED] = Ram.YES;
    }

    /** Carries out a command that has come whole, and secures its answer. */
    void run(Command command) {
        byte[] session = ram.session;
        if (session[Ram.SECURED] != Ram.YES) { // the class was looked at before
            refuse();
        }
        session[Ram.SECURED] = 0; // open again when all has gone well
        session[Ram.BY_PHONE] = 0;
        short status = Spec.SW_OK;
        byte open = 0;
        unwrap();
        if (session[Ram.BY_PHONE] != Ram.YES) {
            refuse();
        }
        try {
            if (!command.takesData && ram.words[Ram.IN_LENGTH] != 0) {
                ISOException.throwIt(Spec.SW_WRONG_LENGTH);
            }
            guard.expect();
            command.run();
        } catch (ISOException e) {
            status = e.getReason();
        } finally {
            open = session[Ram.BY_PHONE]; // unless the command has ended the pair
            session[Ram.BY_PHONE] = 0;
        }
        guard.requireEnded(); // or else the phone would be told of what was not done
        wrap(status);
        session[Ram.SECURED] = nvm.isPaired() ? open : 0; // and so says the key
    }

    /** Writes the next value of the counter, a block. Returns the offset after it. */
    private short putCounter(byte[] b, short offset) {
        short zeros = (short) (BLOCK - U32.LENGTH);
        short lower = (short) (Ram.SECURED_COUNTER + U32.LENGTH - 2);
        short was = Util.getShort(ram.session, lower);
        U32.increment(ram.session, Ram.SECURED_COUNTER); // no session has 2^32 commands
        guard.require(Util.getShort(ram.session, lower) == (short) (was + 1)); // it never goes back
        return Util.arrayCopyNonAtomic(ram.session, Ram.SECURED_COUNTER, b,
                Util.arrayFillNonAtomic(b, offset, zeros, (byte) 0), U32.LENGTH);
    }

    /** Pads with 80 and zeros what is in b from start to end. Returns the offset after it. */
    private static short pad(byte[] b, short start, short end) {
        short rest = (short) (BLOCK - (short) ((short) (end - start) & (BLOCK - 1)));
        b[end] = PADDING;
        return Util.arrayFillNonAtomic(b, (short) (end + 1), (short) (rest - 1), (byte) 0);
    }

    private static void refuse() {
        ISOException.throwIt(Spec.SW_MAC_WRONG);
    }

    /** Verifies the command in ram.in and leaves its data there, in clear. */
    private void unwrap() {
        byte[] in = ram.in;
        byte[] out = ram.out;
        short end = ram.words[Ram.IN_LENGTH];
        short at = 0;
        short cryptogram = 0;
        short length = 0;
        if (end > 1 && in[0] == (byte) Spec.TAG_CRYPTOGRAM) {
            cryptogram = valueOf(in);
            length = Util.getShort(in, (short) (cryptogram - 2));
            length = cryptogram == (short) 4 ? length : (short) (length & MAX_ONE_BYTE);
            at = (short) (cryptogram + length);
            cryptogram++;
            length--;
            if (length <= 0 || (short) (length & (BLOCK - 1)) != 0 || at > end
                    || in[(short) (cryptogram - 1)] != PADDED) {
                refuse();
            }
        }
        if ((short) (end - at) > MAC_WHOLE && in[at] == (byte) Spec.TAG_LE) {
            short le = in[(short) (at + 1)];
            if (le <= 0 || le > MAX_LE) {
                refuse();
            }
            at += (short) (LE_HEADER + le);
        }
        if ((short) (end - at) != MAC_WHOLE || in[at] != (byte) Spec.TAG_MAC
                || in[(short) (at + 1)] != Spec.PIN_MAC_LENGTH) {
            refuse();
        }
        short next = putCounter(out, (short) 0);
        short header = next;
        next = Util.arrayCopyNonAtomic(ram.session, Ram.CLA, out, next, HEADER_LENGTH);
        next = pad(out, header, next);
        if (at != 0) {
            short objects = next;
            next = pad(out, objects, Util.arrayCopyNonAtomic(in, (short) 0, out, next, at));
        }
        cmac.computeInSession(ram.session, Ram.SECURED_SUBKEY, out, (short) 0, next);
        if (!cmac.matches(in, (short) (at + MAC_HEADER), Spec.PIN_MAC_LENGTH)) {
            refuse();
        }
        if (!cmac.matches(in, (short) (at + MAC_HEADER), Spec.PIN_MAC_LENGTH)) {
            refuse();
        }
        ram.words[Ram.IN_LENGTH] = length == 0 ? 0 : decipher(cryptogram, length);
        ram.session[Ram.BY_PHONE] = Ram.YES;
    }

    /** Offset of the value of the first data object, whose length has one to three bytes. */
    private static short valueOf(byte[] in) {
        if (in[1] >= 0) {
            return (short) 2;
        }
        if (in[1] == Tlv.ONE_LENGTH_BYTE && in[2] < 0) {
            return (short) 3;
        }
        // Not more than ram.in has, so that no sum of it overflows.
        if (in[1] != Tlv.TWO_LENGTH_BYTES || in[2] == 0
                || Util.getShort(in, (short) 2) > Spec.MAX_COMMAND || in[2] < 0) {
            refuse();
        }
        return (short) 4;
    }

    /** Deciphers the command's data, to the start of ram.in. Returns their length. */
    private short decipher(short cryptogram, short length) {
        byte[] in = ram.in;
        byte[] scratch = ram.scratch;
        // The initial value is the counter that the MAC was over, enciphered.
        Util.arrayFillNonAtomic(scratch, Ram.AGREED, BLOCK, (byte) 0);
        Util.arrayCopyNonAtomic(ram.session, Ram.SECURED_COUNTER, scratch,
                (short) (Ram.AGREED + BLOCK - U32.LENGTH), U32.LENGTH);
        engines.setKey(ram.session, Ram.SECURED_KEYS);
        engines.encipher(scratch, Ram.AGREED, BLOCK, scratch, Ram.AGREED);
        engines.decryptInPlace(ram.session, Ram.SECURED_KEYS, scratch, Ram.AGREED, in, cryptogram,
                length);
        short end = (short) (cryptogram + length);
        short first = (short) (end - BLOCK);
        do {
            end--;
        } while (end > first && in[end] == 0);
        if (in[end] != PADDING) {
            refuse();
        }
        return Util.arrayCopyNonAtomic(in, cryptogram, in, (short) 0, (short) (end - cryptogram));
    }

    /** Secures answer and status word. The command's data are no longer needed. */
    private void wrap(short status) {
        byte[] in = ram.in;
        byte[] out = ram.out;
        short length = status == Spec.SW_OK ? ram.words[Ram.OUT_LEFT] : 0;
        short counter = putCounter(in, (short) 0);
        short next = counter;
        if (length != 0) {
            // The counter, enciphered as the first block, is what the next one is chained to; the
            // data object's header takes its place.
            short padded = (short) ((length & (short) ~(BLOCK - 1)) + BLOCK);
            short header = (short) (padded < MAX_SHORT_FORM ? 3 : padded < MAX_ONE_BYTE ? 4 : 5);
            short first = (short) (counter + header - BLOCK);
            short start = (short) (first + BLOCK);
            Util.arrayCopyNonAtomic(in, (short) 0, in, first, BLOCK);
            next = Util.arrayCopyNonAtomic(out, ram.words[Ram.OUT_OFFSET], in, start, length);
            next = pad(in, start, next);
            engines.setKey(ram.session, Ram.SECURED_KEYS);
            engines.encipher(in, first, (short) (next - first), in, first);
            Util.arrayFillNonAtomic(in, (short) 0, (short) (BLOCK - U32.LENGTH), (byte) 0);
            Util.arrayCopyNonAtomic(ram.session, Ram.SECURED_COUNTER, in,
                    (short) (BLOCK - U32.LENGTH), U32.LENGTH);
            in[Tlv.open(in, counter, Spec.TAG_CRYPTOGRAM, (short) (padded + 1))] = PADDED;
        }
        next = Tlv.open(in, next, Spec.TAG_PROCESSING_STATUS, STATUS_LENGTH);
        next = Util.setShort(in, next, status);
        short end = Util.arrayCopyNonAtomic(in, counter, out, (short) 0, (short) (next - counter));
        cmac.computeInSession(ram.session, Ram.SECURED_SUBKEY, in, (short) 0,
                pad(in, counter, next));
        end = Tlv.put(out, end, Spec.TAG_MAC, ram.scratch, Ram.MAC, Spec.PIN_MAC_LENGTH);
        channel.respond((short) 0, end);
    }
}
