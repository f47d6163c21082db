package probe.newer;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.KeyBuilder;
import javacardx.crypto.AEADCipher;
import javacardx.crypto.Cipher;

/** AES in CCM and GCM mode. */
final class Authenticated {
    private AESKey key;
    private AEADCipher cipher;

    short run(byte which, byte more, byte[] buffer, short offset, short length) {
        switch (which) {
            case 0:
                key = (AESKey) KeyBuilder.buildKey(
                    KeyBuilder.TYPE_AES, (short) (length * 8), false);
                key.setKey(buffer, offset);
                return 0;
            case 1:
                return make(Cipher.getInstance(more, false), buffer);
            case 2:
                return make(Cipher.getInstance(more, Cipher.PAD_NULL, false), buffer);
            case 3: // additional data, message and tag in two bytes each, and the nonce
                cipher.init(key, more, buffer, (short) (offset + 6), (short) (length - 6),
                    Util.getShort(buffer, offset), Util.getShort(buffer, (short) (offset + 2)),
                    Util.getShort(buffer, (short) (offset + 4)));
                return 0;
            case 4:
                cipher.init(key, more);
                return 0;
            case 5:
                cipher.init(key, more, buffer, offset, length);
                return 0;
            case 6:
                cipher.updateAAD(buffer, offset, length);
                return 0;
            case 7:
                return cipher.update(buffer, offset, length, buffer, (short) 0);
            case 8:
                return cipher.doFinal(buffer, offset, length, buffer, (short) 0);
            case 9:
                return cipher.retrieveTag(buffer, (short) 0, more);
            case 10:
                buffer[0] = (byte) (cipher.verifyTag(buffer, offset, length, more) ? 1 : 0);
                return 1;
            case 11:
                key.clearKey();
                return 0;
            case 12:
                Cipher.OneShot.open(more, Cipher.PAD_NULL);
                return 0;
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return 0;
        }
    }

    private short make(Cipher made, byte[] buffer) {
        cipher = (AEADCipher) made;
        buffer[0] = made.getAlgorithm();
        buffer[1] = made.getCipherAlgorithm();
        buffer[2] = made.getPaddingAlgorithm();
        return 3;
    }
}
