package ekrona;

import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.CryptoException;
import javacard.security.ECPrivateKey;
import javacard.security.ECPublicKey;
import javacard.security.KeyAgreement;
import javacard.security.KeyBuilder;
import javacard.security.KeyPair;
import javacard.security.MessageDigest;
import javacard.security.RandomData;
import javacard.security.Signature;
import javacardx.crypto.Cipher;

/**
 * The crypto objects and the keys of the card, made once; only the authorities' keys and their
 * verifier are in Authorities. A Signature object takes a P71 128 bytes of RAM, and its init a
 * quarter of the time of a signature: there is one signer, initialised when the key is generated,
 * which keeps it over resets (Java Card API, Signature); a verifier that is initialised for each
 * peer's key; and the authorities', which keeps the key that it verified with last.
 */
final class Engines {
    /** First byte of an uncompressed point (SEC 1 section 2.3.3), the only form in use. */
    private static final byte UNCOMPRESSED = (byte) 0x04;

    /**
     * Public key of the sender of the current message: scratch, set before the transaction begins.
     */
    final ECPublicKey peer;
    /** The key pair that signs. */
    final ECPublicKey signingPoint;
    final RandomData random;
    final MessageDigest sha;

    private final Ram ram;
    private final KeyPair signing;
    private final KeyPair enciphering;
    private final ECPublicKey pinPoint;
    private final ECPrivateKey signingKey;
    private final ECPrivateKey pinKey;
    private final Signature signer;
    private final Signature verifier;
    private final ECPrivateKey batchKey;
    private final KeyAgreement agreement;
    private final KeyAgreement batchAgreement;
    private final AESKey aesKey;
    private final Cipher aes;

    Engines(Ram ram) {
        this.ram = ram;
        peer = Curve.newPublicKey();
        signingPoint = Curve.newPublicKey();
        signingKey = Curve.newPrivateKey();
        signing = new KeyPair(signingPoint, signingKey);
        pinPoint = Curve.newPublicKey();
        pinKey = Curve.newPrivateKey();
        enciphering = new KeyPair(pinPoint, pinKey);
        batchKey = Curve.newPrivateKey();
        random = RandomData.getInstance(RandomData.ALG_SECURE_RANDOM);
        sha = MessageDigest.getInstance(MessageDigest.ALG_SHA_256, false);
        signer = Signature.getInstance(Signature.ALG_ECDSA_SHA_256, false);
        verifier = newVerifier();
        agreement = KeyAgreement.getInstance(KeyAgreement.ALG_EC_SVDP_DH_PLAIN, false);
        batchAgreement = KeyAgreement.getInstance(KeyAgreement.ALG_EC_SVDP_DH_PLAIN, false);
        aesKey = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES_TRANSIENT_DESELECT,
                KeyBuilder.LENGTH_AES_128, false);
        aes = Cipher.getInstance(Cipher.ALG_AES_BLOCK_128_CBC_NOPAD, false);
    }

    /**
     * Generates both key pairs. A power cut leaves keys that the card has not given out, since the
     * life cycle moves on afterwards.
     */
    void generate() {
        signing.genKeyPair();
        enciphering.genKeyPair();
        agreement.init(pinKey);
        signer.init(signingKey, Signature.MODE_SIGN);
    }

    /**
     * Stores the private half of the batch key. It is written at once, and its agreement stays
     * initialised with it.
     */
    void setBatchKey(byte[] b, short scalar) {
        batchKey.setS(b, scalar, Spec.SCALAR_LENGTH);
        batchAgreement.init(batchKey);
    }

    /** Writes the point of the signing key. Returns the offset after it. */
    short putSigningPoint(byte[] b, short offset) {
        return (short) (offset + signingPoint.getW(b, offset));
    }

    /** Writes the point of the key that PINs are enciphered to. Returns the offset after it. */
    short putPinPoint(byte[] b, short offset) {
        return (short) (offset + pinPoint.getW(b, offset));
    }

    /**
     * Writes the signature's data object after the body from start to end, and the body's identity
     * to scratch at IDENTITY: the bytes are hashed once for both. Returns the offset after the
     * signature.
     */
    short signMessage(byte[] b, short start, short end) {
        computeIdentity(b, start, (short) (end - start));
        signer.signPreComputedHash(ram.scratch, Ram.IDENTITY, Spec.HASH_LENGTH, ram.scratch,
                Ram.DER);
        Util.setShort(b, end, Spec.TAG_SIGNATURE);
        b[(short) (end + 2)] = (byte) Spec.SIGNATURE_LENGTH;
        return Der.decode(ram.scratch, b, (short) (end + Messages.SIGNATURE_HEADER));
    }

    /** Allocates: for constructors at install only. */
    static Signature newVerifier() {
        return Signature.getInstance(Signature.ALG_ECDSA_SHA_256, false);
    }

    /**
     * Initialises a verifier. Returns false on a platform that finds only here that the key is not
     * on the curve.
     */
    static boolean init(Signature verifier, ECPublicKey key) {
        try {
            verifier.init(key, Signature.MODE_VERIFY);
            return true;
        } catch (CryptoException e) {
            return false;
        }
    }

    /** Reports whether the plain signature at signature is by key, over the bytes at offset. */
    boolean verify(ECPublicKey key, byte[] b, short offset, short length, short signature) {
        return init(verifier, key) && verify(verifier, b, offset, length, signature);
    }

    /** As above, with a verifier that is initialised with the key. */
    boolean verify(Signature initialised, byte[] b, short offset, short length, short signature) {
        short der = Der.encode(b, signature, ram.scratch);
        try {
            return initialised.verify(b, offset, length, ram.scratch, Ram.DER, der);
        } catch (CryptoException e) {
            return false; // r or s outside its range
        }
    }

    /**
     * Sets a public key. Returns false when the platform finds that the point is not on the curve.
     */
    static boolean set(ECPublicKey key, byte[] b, short point) {
        if (b[point] != UNCOMPRESSED) {
            return false;
        }
        try {
            key.setW(b, point, Spec.POINT_LENGTH);
            return true;
        } catch (CryptoException e) {
            return false;
        }
    }

    /** Writes the identity of a message, SHA-256 of its body at offset, to scratch at IDENTITY. */
    void computeIdentity(byte[] b, short offset, short length) {
        sha.doFinal(b, offset, length, ram.scratch, Ram.IDENTITY);
    }

    /**
     * ECDH with the key that PINs are enciphered to, or with the batch key; x goes to scratch at
     * AGREED. Returns false when the point is not accepted.
     */
    boolean agree(boolean batch, byte[] b, short point) {
        if (b[point] != UNCOMPRESSED) {
            return false;
        }
        try {
            return (batch ? batchAgreement : agreement)
                    .generateSecret(b, point, Spec.POINT_LENGTH, ram.scratch, Ram.AGREED)
                    == Spec.HASH_LENGTH;
        } catch (CryptoException e) {
            return false;
        }
    }

    /** Sets the key of encipher. */
    void setKey(byte[] key, short keyOffset) {
        aesKey.setKey(key, keyOffset);
        aes.init(aesKey, Cipher.MODE_ENCRYPT);
    }

    /** AES-128-CBC encryption, zero initial value. */
    void encipher(byte[] b, short offset, short length, byte[] out, short outOffset) {
        aes.doFinal(b, offset, length, out, outOffset);
    }

    /** AES-128-CBC decryption, zero initial value. */
    void decrypt(byte[] key, short keyOffset, byte[] b, short offset, short length, byte[] out,
            short outOffset) {
        aesKey.setKey(key, keyOffset);
        aes.init(aesKey, Cipher.MODE_DECRYPT);
        aes.doFinal(b, offset, length, out, outOffset);
    }

    /** AES-128-CBC decryption with an initial value. */
    void decrypt(byte[] key, short keyOffset, byte[] iv, short ivOffset, byte[] b, short offset,
            short length, byte[] out, short outOffset) {
        aesKey.setKey(key, keyOffset);
        aes.init(aesKey, Cipher.MODE_DECRYPT, iv, ivOffset, Spec.IV_LENGTH);
        aes.doFinal(b, offset, length, out, outOffset);
    }

    /** Wipes the PIN blocks of the command, and the keys that enciphered them. */
    void forgetSecrets() {
        ram.wipeSecrets();
        aesKey.clearKey();
    }
}
