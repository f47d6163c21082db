package probe.newer;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Util;
import javacard.security.KeyBuilder;
import javacard.security.RSAPrivateKey;
import javacard.security.RSAPublicKey;
import javacard.security.Signature;
import javacard.security.SignatureMessageRecovery;

/** Signatures by ISO 9796, without and with message recovery, over a key of 1024 bits. */
final class Recovery {
    private static final short SIZE = 128;

    private final short[] recovered = new short[2];
    private RSAPublicKey open;
    private RSAPrivateKey secret;
    private Signature plain;
    private Signature recovering;

    short run(byte which, byte more, byte[] buffer, short offset, short length) {
        Signature chosen = more == 0 ? plain : recovering;
        SignatureMessageRecovery messages = (SignatureMessageRecovery) recovering;
        switch (which) {
            case 0: // the modulus
                open = (RSAPublicKey) KeyBuilder.buildKey(
                    KeyBuilder.TYPE_RSA_PUBLIC, KeyBuilder.LENGTH_RSA_1024, false);
                secret = (RSAPrivateKey) KeyBuilder.buildKey(
                    KeyBuilder.TYPE_RSA_PRIVATE, KeyBuilder.LENGTH_RSA_1024, false);
                open.setModulus(buffer, offset, length);
                secret.setModulus(buffer, offset, length);
                return 0;
            case 1:
                secret.setExponent(buffer, offset, length);
                return 0;
            case 2:
                open.setExponent(buffer, offset, length);
                return 0;
            case 3:
                plain = Signature.getInstance(Signature.ALG_RSA_SHA_ISO9796, false);
                recovering = Signature.getInstance(Signature.ALG_RSA_SHA_ISO9796_MR, false);
                buffer[0] = (byte) (plain instanceof SignatureMessageRecovery ? 1 : 0);
                buffer[1] = (byte) (recovering instanceof SignatureMessageRecovery ? 1 : 0);
                buffer[2] = plain.getAlgorithm();
                buffer[3] = ((SignatureMessageRecovery) recovering).getAlgorithm();
                buffer[4] = recovering.getPaddingAlgorithm();
                return 5;
            case 4:
                chosen.init(secret, Signature.MODE_SIGN);
                return 0;
            case 5:
                chosen.init(open, Signature.MODE_VERIFY);
                return 0;
            case 6:
                chosen.update(buffer, offset, length);
                return 0;
            case 7:
                return chosen.sign(buffer, offset, length, buffer, (short) 0);
            case 8: // a signature, and the message
                buffer[0] = (byte) (chosen.verify(buffer, (short) (offset + SIZE),
                        (short) (length - SIZE), buffer, offset, SIZE) ? 1 : 0);
                return 1;
            case 9: {
                short signed = messages.sign(buffer, offset, length, buffer, (short) 0, recovered,
                        (short) 1);
                return Util.setShort(buffer, signed, recovered[1]);
            }
            case 10: {
                short n = messages.beginVerify(buffer, offset, length);
                return Util.arrayCopyNonAtomic(buffer, offset, buffer, (short) 0, n);
            }
            case 11:
                buffer[0] = (byte) (messages.verify(buffer, offset, length) ? 1 : 0);
                return 1;
            case 12:
                chosen.init(secret, Signature.MODE_SIGN, buffer, offset, (short) 8);
                return 0;
            case 13:
                chosen.setInitialDigest(buffer, offset, (short) 20, buffer, offset, (short) 1);
                return 0;
            case 14:
                return chosen.signPreComputedHash(buffer, offset, (short) 20, buffer, (short) 0);
            case 15:
                chosen.verifyPreComputedHash(buffer, offset, (short) 20, buffer, offset, SIZE);
                return 0;
            case 16:
                return Util.setShort(buffer, (short) 0, messages.getLength());
            case 17:
                secret.clearKey();
                open.clearKey();
                return 0;
            case 18: // no room for the length of what is recovered
                messages.sign(buffer, offset, length, buffer, (short) 0, recovered, (short) 2);
                return 0;
            case 19: // the plain one has no such interface
                ((SignatureMessageRecovery) plain).beginVerify(buffer, offset, length);
                return 0;
            case 20: // nor has an engine that is lent
                Signature.OneShot.open(javacard.security.MessageDigest.ALG_SHA,
                    Signature.SIG_CIPHER_RSA, javacardx.crypto.Cipher.PAD_ISO9796_MR);
                return 0;
            case 21: {
                Signature.OneShot lent = Signature.OneShot.open(
                    javacard.security.MessageDigest.ALG_SHA, Signature.SIG_CIPHER_RSA,
                    javacardx.crypto.Cipher.PAD_ISO9796);
                lent.init(secret, Signature.MODE_SIGN);
                return lent.sign(buffer, offset, length, buffer, (short) 0);
            }
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return 0;
        }
    }
}
