package probe.core;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.Checksum;
import javacard.security.DESKey;
import javacard.security.ECPrivateKey;
import javacard.security.ECPublicKey;
import javacard.security.KeyBuilder;
import javacard.security.KeyPair;
import javacard.security.MessageDigest;
import javacard.security.RandomData;
import javacard.security.Signature;
import javacardx.crypto.Cipher;

/**
 * The crypto API as an applet uses it; objects are made at their first use, so that the applet
 * installs on a card without an algorithm.
 */
final class Ciphers {
    private AESKey aes;
    private DESKey des;
    private Cipher aesCbc;
    private Cipher desCbc;
    private Signature desMac;
    private KeyPair pair;
    private Signature ecdsa;
    private MessageDigest sha256;
    private RandomData random;
    private final byte[] work;

    Ciphers() {
        work = JCSystem.makeTransientByteArray((short) 160, JCSystem.CLEAR_ON_DESELECT);
    }

    /** Input lies at offset in buffer; output goes to buffer from 0; the length is returned. */
    short run(byte which, byte[] buffer, short offset, short length) {
        switch (which) {
            case 0: { // SHA-256, in two parts
                if (sha256 == null) {
                    sha256 = MessageDigest.getInstance(MessageDigest.ALG_SHA_256, false);
                }
                sha256.reset();
                short half = (short) (length / 2);
                sha256.update(buffer, offset, half);
                return sha256.doFinal(buffer, (short) (offset + half), (short) (length - half),
                        buffer, (short) 0);
            }
            case 1: // AES-128 CBC without padding, zero IV; key(16) data
            case 2: // the inverse
                if (aes == null) {
                    aes = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES_TRANSIENT_DESELECT,
                            KeyBuilder.LENGTH_AES_128, false);
                    aesCbc = Cipher.getInstance(Cipher.ALG_AES_BLOCK_128_CBC_NOPAD, false);
                }
                aes.setKey(buffer, offset);
                aesCbc.init(aes, which == 1 ? Cipher.MODE_ENCRYPT : Cipher.MODE_DECRYPT);
                return aesCbc.doFinal(buffer, (short) (offset + 16), (short) (length - 16), buffer,
                        (short) 0);
            case 3: // two-key triple DES CBC; key(16) data
                makeDes();
                des.setKey(buffer, offset);
                desCbc.init(des, Cipher.MODE_ENCRYPT);
                return desCbc.doFinal(buffer, (short) (offset + 16), (short) (length - 16), buffer,
                        (short) 0);
            case 4: // DES MAC of 8 bytes, method 2 padding; key(16) data
                makeDes();
                des.setKey(buffer, offset);
                desMac.init(des, Signature.MODE_SIGN);
                return desMac.sign(buffer, (short) (offset + 16), (short) (length - 16), buffer,
                        (short) 0);
            case 5: // a new P-256 key pair; the public point goes out
                makePair();
                pair.genKeyPair();
                return ((ECPublicKey) pair.getPublic()).getW(buffer, (short) 0);
            case 6: // ECDSA with SHA-256 over the input
                ecdsa.init(pair.getPrivate(), Signature.MODE_SIGN);
                return ecdsa.sign(buffer, offset, length, buffer, (short) 0);
            case 7: { // the card verifies its own signature, then the same over other data
                ecdsa.init(pair.getPrivate(), Signature.MODE_SIGN);
                short size = ecdsa.sign(buffer, offset, length, work, (short) 0);
                ecdsa.init(pair.getPublic(), Signature.MODE_VERIFY);
                boolean good = ecdsa.verify(buffer, offset, length, work, (short) 0, size);
                buffer[offset] ^= 1;
                boolean bad = ecdsa.verify(buffer, offset, length, work, (short) 0, size);
                buffer[0] = (byte) (good ? 1 : 0);
                buffer[1] = (byte) (bad ? 1 : 0);
                return 2;
            }
            case 8: // random bytes, as many as the input
                if (random == null) {
                    random = RandomData.getInstance(RandomData.ALG_SECURE_RANDOM);
                }
                random.generateData(buffer, (short) 0, length);
                return length;
            case 9: { // CRC-16 of ISO 3309
                Checksum crc = Checksum.getInstance(Checksum.ALG_ISO3309_CRC16, false);
                return crc.doFinal(buffer, offset, length, buffer, (short) 0);
            }
            case 10: // CryptoException.NO_SUCH_ALGORITHM
                MessageDigest.getInstance((byte) 0x7F, false);
                return 0;
            case 11: // CryptoException.UNINITIALIZED_KEY
                Cipher.getInstance(Cipher.ALG_AES_BLOCK_128_CBC_NOPAD, false).init(
                    KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false),
                    Cipher.MODE_ENCRYPT);
                return 0;
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        return 0;
    }

    private void makeDes() {
        if (des == null) {
            des = (DESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_DES_TRANSIENT_RESET,
                    KeyBuilder.LENGTH_DES3_2KEY, false);
            desCbc = Cipher.getInstance(Cipher.ALG_DES_CBC_NOPAD, false);
            desMac = Signature.getInstance(Signature.ALG_DES_MAC8_ISO9797_M2, false);
        }
    }

    private void makePair() {
        if (pair != null) {
            return;
        }
        pair = new KeyPair(KeyPair.ALG_EC_FP, KeyBuilder.LENGTH_EC_FP_256);
        ECPublicKey open = (ECPublicKey) pair.getPublic();
        ECPrivateKey secret = (ECPrivateKey) pair.getPrivate();
        open.setFieldFP(P, (short) 0, (short) P.length);
        secret.setFieldFP(P, (short) 0, (short) P.length);
        open.setA(A, (short) 0, (short) A.length);
        secret.setA(A, (short) 0, (short) A.length);
        open.setB(B, (short) 0, (short) B.length);
        secret.setB(B, (short) 0, (short) B.length);
        open.setG(G, (short) 0, (short) G.length);
        secret.setG(G, (short) 0, (short) G.length);
        open.setR(R, (short) 0, (short) R.length);
        secret.setR(R, (short) 0, (short) R.length);
        open.setK((short) 1);
        secret.setK((short) 1);
        ecdsa = Signature.getInstance(Signature.ALG_ECDSA_SHA_256, false);
    }

    /** The domain of P-256 (FIPS 186-4 D.1.2.3): field, coefficients, generator, order. */
    private static final byte[] P = {
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x00, 0x00, 0x00, 0x01,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF,
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF,
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF
    };
    private static final byte[] A = {
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x00, 0x00, 0x00, 0x01,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF,
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF,
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFC
    };
    private static final byte[] B = {
        0x5A, (byte) 0xC6, 0x35, (byte) 0xD8, (byte) 0xAA, 0x3A, (byte) 0x93, (byte) 0xE7,
        (byte) 0xB3, (byte) 0xEB, (byte) 0xBD, 0x55, 0x76, (byte) 0x98, (byte) 0x86, (byte) 0xBC,
        0x65, 0x1D, 0x06, (byte) 0xB0, (byte) 0xCC, 0x53, (byte) 0xB0, (byte) 0xF6,
        0x3B, (byte) 0xCE, 0x3C, 0x3E, 0x27, (byte) 0xD2, 0x60, 0x4B
    };
    private static final byte[] G = {
        0x04, 0x6B, 0x17, (byte) 0xD1, (byte) 0xF2, (byte) 0xE1, 0x2C, 0x42,
        0x47, (byte) 0xF8, (byte) 0xBC, (byte) 0xE6, (byte) 0xE5, 0x63, (byte) 0xA4, 0x40,
        (byte) 0xF2, 0x77, 0x03, 0x7D, (byte) 0x81, 0x2D, (byte) 0xEB, 0x33,
        (byte) 0xA0, (byte) 0xF4, (byte) 0xA1, 0x39, 0x45, (byte) 0xD8, (byte) 0x98, (byte) 0xC2,
        (byte) 0x96, 0x4F, (byte) 0xE3, 0x42, (byte) 0xE2, (byte) 0xFE, 0x1A, 0x7F,
        (byte) 0x9B, (byte) 0x8E, (byte) 0xE7, (byte) 0xEB, 0x4A, 0x7C, 0x0F, (byte) 0x9E,
        0x16, 0x2B, (byte) 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E,
        (byte) 0xCE, (byte) 0xCB, (byte) 0xB6, 0x40, 0x68, 0x37, (byte) 0xBF, 0x51,
        (byte) 0xF5
    };
    private static final byte[] R = {
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x00, 0x00, 0x00, 0x00,
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF,
        (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF,
        (byte) 0xBC, (byte) 0xE6, (byte) 0xFA, (byte) 0xAD,
        (byte) 0xA7, 0x17, (byte) 0x9E, (byte) 0x84,
        (byte) 0xF3, (byte) 0xB9, (byte) 0xCA, (byte) 0xC2, (byte) 0xFC, 0x63, 0x25, 0x51
    };
}
