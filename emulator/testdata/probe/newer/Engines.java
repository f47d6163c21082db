package probe.newer;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.DESKey;
import javacard.security.ECKey;
import javacard.security.ECPrivateKey;
import javacard.security.ECPublicKey;
import javacard.security.InitializedMessageDigest;
import javacard.security.Key;
import javacard.security.KeyBuilder;
import javacard.security.KeyPair;
import javacard.security.MessageDigest;
import javacard.security.RandomData;
import javacard.security.Signature;
import javacardx.crypto.Cipher;

/** One-shot engines, keys that share a curve, and engines over messages of every length. */
final class Engines {
    private static final byte[] KEY = {
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
        (byte) 0x88, (byte) 0x99, (byte) 0xAA, (byte) 0xBB,
        (byte) 0xCC, (byte) 0xDD, (byte) 0xEE, (byte) 0xFF
    };

    private final DESKey des =
            (DESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_DES, KeyBuilder.LENGTH_DES3_2KEY, false);
    private final AESKey aes =
            (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false);
    private Object kept;
    private Key shared;

    Engines() {
        des.setKey(KEY, (short) 0);
        aes.setKey(KEY, (short) 0);
    }

    short oneShot(byte which, byte[] buffer, short offset, short length) {
        switch (which) {
            case 1: {
                MessageDigest.OneShot digest =
                        MessageDigest.OneShot.open(MessageDigest.ALG_SHA_256);
                try {
                    return digest.doFinal(buffer, offset, length, buffer, (short) 0);
                } finally {
                    digest.close();
                    digest.close();
                }
            }
            case 2: {
                Cipher.OneShot cipher = Cipher.OneShot.open(Cipher.CIPHER_AES_CBC,
                        Cipher.PAD_NOPAD);
                try {
                    cipher.init(aes, Cipher.MODE_ENCRYPT);
                    return cipher.doFinal(buffer, offset, length, buffer, (short) 0);
                } finally {
                    cipher.close();
                }
            }
            case 3: {
                Signature.OneShot mac = Signature.OneShot.open(MessageDigest.ALG_NULL,
                        Signature.SIG_CIPHER_DES_MAC8, Cipher.PAD_ISO9797_M2);
                try {
                    mac.init(des, Signature.MODE_SIGN);
                    return mac.sign(buffer, offset, length, buffer, (short) 0);
                } finally {
                    mac.close();
                }
            }
            case 4: {
                RandomData.OneShot random = RandomData.OneShot.open(RandomData.ALG_FAST);
                try {
                    short end = random.nextBytes(buffer, (short) 0, (short) 16);
                    buffer[end] = random.getAlgorithm();
                    return (short) (end + 1);
                } finally {
                    random.close();
                }
            }
            case 5: { // a digest that goes on from its initial value
                InitializedMessageDigest.OneShot digest =
                        InitializedMessageDigest.OneShot.open(MessageDigest.ALG_SHA_256);
                try {
                    digest.setInitialDigest(buffer, offset, (short) 32, buffer,
                            (short) (offset + 32), (short) 1);
                    return digest.doFinal(buffer, (short) (offset + 33), (short) (length - 33),
                            buffer, (short) 0);
                } finally {
                    digest.close();
                }
            }
            case 6: // a second one while the first is open: SystemException.NO_RESOURCE
                MessageDigest.OneShot.open(MessageDigest.ALG_SHA);
                MessageDigest.OneShot.open(MessageDigest.ALG_SHA);
                return 0;
            case 7: { // closed: CryptoException.ILLEGAL_USE
                MessageDigest.OneShot digest = MessageDigest.OneShot.open(MessageDigest.ALG_SHA);
                digest.close();
                return digest.doFinal(buffer, offset, length, buffer, (short) 0);
            }
            case 8: { // in parts: CryptoException.ILLEGAL_USE
                Cipher.OneShot cipher = Cipher.OneShot.open(Cipher.CIPHER_AES_CBC,
                        Cipher.PAD_NOPAD);
                cipher.init(aes, Cipher.MODE_ENCRYPT);
                return cipher.update(buffer, offset, length, buffer, (short) 0);
            }
            case 9: // kept: SecurityException
                kept = RandomData.OneShot.open(RandomData.ALG_FAST);
                return 0;
            case 10: // no such algorithm
                Cipher.OneShot.open((byte) 99, Cipher.PAD_NOPAD);
                return 0;
            case 11: { // before init: CryptoException.INVALID_INIT
                Signature.OneShot mac = Signature.OneShot.open(MessageDigest.ALG_NULL,
                        Signature.SIG_CIPHER_DES_MAC8, Cipher.PAD_ISO9797_M2);
                return mac.sign(buffer, offset, length, buffer, (short) 0);
            }
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return 0;
        }
    }

    short keys(byte which, byte[] buffer) {
        short offset = ISO7816.OFFSET_CDATA;
        switch (which) {
            case 1: { // p, a, b, G, r of a curve of 256 bits, as parameters alone
                Key parameters = KeyBuilder.buildKey(
                    KeyBuilder.ALG_TYPE_EC_FP_PARAMETERS, JCSystem.MEMORY_TYPE_PERSISTENT,
                    KeyBuilder.LENGTH_EC_FP_256, false);
                ECKey curve = (ECKey) parameters;
                curve.setFieldFP(buffer, offset, (short) 32);
                curve.setA(buffer, (short) (offset + 32), (short) 32);
                curve.setB(buffer, (short) (offset + 64), (short) 32);
                curve.setG(buffer, (short) (offset + 96), (short) 65);
                curve.setR(buffer, (short) (offset + 161), (short) 32);
                shared = parameters;
                buffer[0] = (byte) (parameters.isInitialized() ? 1 : 0);
                buffer[1] = parameters.getType();
                return 2;
            }
            case 2: { // a pair on them signs and verifies
                ECPublicKey open = (ECPublicKey) KeyBuilder.buildKeyWithSharedDomain(
                    KeyBuilder.ALG_TYPE_EC_FP_PUBLIC, JCSystem.MEMORY_TYPE_PERSISTENT, shared,
                    false);
                ECPrivateKey secret = (ECPrivateKey) KeyBuilder.buildKeyWithSharedDomain(
                    KeyBuilder.ALG_TYPE_EC_FP_PRIVATE, JCSystem.MEMORY_TYPE_TRANSIENT_RESET, shared,
                    false);
                new KeyPair(open, secret).genKeyPair();
                Signature ecdsa = Signature.getInstance(Signature.ALG_ECDSA_SHA_256, false);
                ecdsa.init(secret, Signature.MODE_SIGN);
                short length = ecdsa.sign(KEY, (short) 0, (short) KEY.length, buffer, (short) 0);
                ecdsa.init(open, Signature.MODE_VERIFY);
                buffer[0] = (byte) (ecdsa.verify(KEY, (short) 0, (short) KEY.length,
                        buffer, (short) 0, length) ? 1 : 0);
                return 1;
            }
            case 3: // no key of a curve
                KeyBuilder.buildKeyWithSharedDomain(KeyBuilder.ALG_TYPE_EC_FP_PUBLIC,
                        JCSystem.MEMORY_TYPE_PERSISTENT, aes, false);
                return 0;
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return 0;
        }
    }

    /** Signs the data in two parts, cut after the first byte of the second half. */
    short mac(byte algorithm, byte split, byte[] buffer, short offset, short length) {
        Signature mac = Signature.getInstance(algorithm, false);
        boolean isAES = algorithm == Signature.ALG_AES_MAC_128_NOPAD
                || algorithm == Signature.ALG_AES_CMAC_128;
        mac.init(isAES ? (Key) aes : (Key) des, Signature.MODE_SIGN);
        mac.update(buffer, offset, split);
        return mac.sign(buffer, (short) (offset + split), (short) (length - split), buffer,
                (short) 0);
    }

    short encipher(byte algorithm, byte split, byte[] buffer, short offset, short length) {
        Cipher cipher = Cipher.getInstance(algorithm, false);
        boolean isDES = algorithm >= Cipher.ALG_DES_CBC_NOPAD
                && algorithm <= Cipher.ALG_DES_ECB_PKCS5;
        cipher.init(isDES ? (Key) des : (Key) aes, Cipher.MODE_ENCRYPT);
        byte[] out =
                (byte[]) JCSystem.makeGlobalArray(JCSystem.ARRAY_TYPE_BYTE, (short) (length + 32));
        short n = cipher.update(buffer, offset, split, out, (short) 0);
        n += cipher.doFinal(buffer, (short) (offset + split), (short) (length - split), out, n);
        return Util.arrayCopyNonAtomic(out, (short) 0, buffer, (short) 0, n);
    }

    /** Asks for an algorithm by one number, by two or by three. */
    void make(byte which, byte first, byte[] buffer, short offset) {
        switch (which) {
            case 1:
                MessageDigest.getInstance(first, false);
                return;
            case 2:
                Signature.getInstance(first, false);
                return;
            case 3:
                Cipher.getInstance(first, false);
                return;
            case 4:
                RandomData.getInstance(first);
                return;
            case 5:
                KeyBuilder.buildKey(first, Util.getShort(buffer, offset), false);
                return;
            case 6:
                new KeyPair(first, Util.getShort(buffer, offset));
                return;
            case 7:
                Signature.getInstance(first, buffer[offset], buffer[(short) (offset + 1)], false);
                return;
            case 8:
                Cipher.getInstance(first, buffer[offset], false);
                return;
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
    }
}
