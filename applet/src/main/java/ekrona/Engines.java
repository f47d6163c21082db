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
 * which keeps it over resets (Java Card API, Signature); a verifier of messages, which keeps the
 * key of the payee that was paid last, and is initialised for any other peer's; and the
 * authorities', which keeps the key that it verified with last. An engine that has lost its key
 * over a reset all the same gets it once more.
 *
 * <p>The verifier of messages has the key of the payee that the state block names as long as that
 * payee's point is in peer: it was initialised with it, and whatever else it is initialised with
 * comes after another point in peer. Before that very point comes back to peer, the name is erased,
 * so that a power cut never leaves a verifier that is taken for another's.
 *
 * <p>What an engine finds out for a check is a fact (Guard).
 */
final class Engines {
    // The keys that facts are about: rows of the authorities have the numbers from 1 on.
    private static final byte KEPT_PEER = (byte) 0x0D;
    private static final byte PEER = (byte) 0x0E;
    private static final byte OWN = (byte) 0x0F;
    private static final byte RANDOM = (byte) 0x52;
    private static final byte AGREEMENT = (byte) 0x35;
    private static final byte BATCH_AGREEMENT = (byte) 0x5C;
    private static final short KEY_BITS = (short) 4;
    private static final byte[] ZEROS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

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
    private final Nvm nvm;
    private final Guard guard;
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
    /** For the MACs of a session with the paired phone: initialised once in it. */
    private final AESKey sessionKey;
    private final Cipher sessionAes;

    Engines(Ram ram, Nvm nvm, Guard guard) {
        this.ram = ram;
        this.nvm = nvm;
        this.guard = guard;
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
        sessionKey = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES_TRANSIENT_DESELECT,
                KeyBuilder.LENGTH_AES_128, false);
        sessionAes = Cipher.getInstance(Cipher.ALG_AES_BLOCK_128_CBC_NOPAD, false);
    }

    /** Makes all keys those of the curve. */
    void complete() {
        Curve.setParameters(peer);
        Curve.setParameters(signingPoint);
        Curve.setParameters(signingKey);
        Curve.setParameters(pinPoint);
        Curve.setParameters(pinKey);
        Curve.setParameters(batchKey);
    }

    /**
     * Generates both key pairs. A power cut leaves keys that the card has not given out, since the
     * life cycle moves on afterwards.
     */
    void generate() {
        short fact = guard.next();
        if (fact < Guard.SECOND) {
            signing.genKeyPair();
            enciphering.genKeyPair();
            agreement.init(pinKey);
            signer.init(signingKey, Signature.MODE_SIGN);
            ram.facts[fact] = true;
            guard.mark(fact, OWN);
        }
        guard.require(guard.holds(fact, OWN));
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
     * Writes the signature's data object after the body that was composed in ram.out, and the
     * body's identity to scratch at IDENTITY, from which it is signed. Where the body is, and its
     * bytes, are read twice: nothing is signed that is not there.
     */
    void signMessage() {
        byte[] scratch = ram.scratch;
        byte[] b = ram.out;
        short start = ram.words[Ram.BODY];
        short end = ram.words[Ram.BODY_END];
        scratch[Ram.KEY] = (byte) ~scratch[Ram.IDENTITY]; // until both hashes are there
        sha.doFinal(b, start, (short) (end - start), scratch, Ram.IDENTITY);
        short again = ram.words[Ram.BODY];
        sha.doFinal(ram.out, again, (short) (ram.words[Ram.BODY_END] - again), scratch, Ram.KEY);
        guard.requireZero(
                Util.arrayCompare(scratch, Ram.IDENTITY, scratch, Ram.KEY, Spec.HASH_LENGTH));
        Util.setShort(scratch, Ram.DER, (short) 0);
        short der;
        try {
            der = signHash();
        } catch (CryptoException e) {
            signer.init(signingKey, Signature.MODE_SIGN);
            der = signHash();
        }
        short signature = Tlv.open(b, end, Spec.TAG_SIGNATURE, Spec.SIGNATURE_LENGTH);
        guard.signed(Der.decode(scratch, b, signature));
        // What was decoded is looked at last, as far from decode as can be.
        guard.require(Der.isOf(scratch, der)
                && Util.getShort(b, end) == Spec.TAG_SIGNATURE
                && b[(short) (end + 2)] == (byte) Spec.SIGNATURE_LENGTH
                && ram.words[Ram.BODY] == start
                && ram.words[Ram.BODY_END] == (short) (end + Messages.SIGNATURE)
                && Util.arrayCompare(scratch, Ram.IDENTITY, scratch, Ram.KEY, Spec.HASH_LENGTH)
                == 0
                && Der.isDecoded(scratch, b, signature));
    }

    private short signHash() {
        return signer.signPreComputedHash(ram.scratch, Ram.IDENTITY, Spec.HASH_LENGTH, ram.scratch,
                Ram.DER);
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

    /**
     * Reports whether the plain signature at signature is by the key that setPeer was given last,
     * over the bytes at offset; all in ram.in.
     */
    boolean verifyByPeer(short offset, short length, short signature) {
        short fact = guard.next();
        return (fact >= Guard.SECOND || init(verifier, peer))
                && verify(fact, verifier, peer, PEER, offset, length, signature);
    }

    /** As above, by the payee of whom isKept has said that the verifier has its key. */
    boolean verifyByKeptPeer(short offset, short length, short signature) {
        return verify(guard.next(), verifier, peer, KEPT_PEER, offset, length, signature);
    }

    /**
     * Reports whether the verifier of messages has the key of the payee at that place, whose point
     * is in ram.in. Writes over ram.out.
     */
    boolean isKept(short place, short point) {
        return nvm.state[Nvm.KEPT_PEER] == (byte) (place + 1)
                && isPoint(peer, point);
    }

    /** Spends the time that such a payee has saved; its key stays. */
    void makeUp(short point) {
        set(peer, PEER, point);
        init(verifier, peer);
    }

    /** Reports whether it is by this card; in a command that has set the peer. */
    boolean verifyOwn(short offset, short length, short signature) {
        short fact = guard.next();
        return (fact >= Guard.SECOND || init(verifier, signingPoint))
                && verify(fact, verifier, signingPoint, OWN, offset, length, signature);
    }

    /**
     * As above, as a fact of that number and with a verifier that is initialised with the key,
     * which has a number too.
     */
    boolean verify(short fact, Signature initialised, ECPublicKey key, byte number, short offset,
            short length, short signature) {
        byte mark = (byte) ((short) (signature << KEY_BITS) | number);
        if (fact < Guard.SECOND) {
            short der = Der.encode(ram.in, signature, ram.scratch);
            boolean verified = false;
            try {
                verified = initialised.verify(ram.in, offset, length, ram.scratch, Ram.DER, der);
            } catch (CryptoException e) {
                verified = verifyAgain(initialised, key, offset, length, der);
            }
            ram.facts[fact] = verified;
            if (verified == true) { // and not any other number that is not zero
                guard.mark(fact, mark);
            }
            return verified;
        }
        return guard.holds(fact, mark);
    }

    /** Verifies after an exception: the engine has lost its key, or r or s is out of range. */
    private boolean verifyAgain(Signature lost, ECPublicKey key, short offset, short length,
            short der) {
        try {
            lost.init(key, Signature.MODE_VERIFY);
            return lost.verify(ram.in, offset, length, ram.scratch, Ram.DER, der);
        } catch (CryptoException e) {
            return false;
        }
    }

    /**
     * Sets the public key of the sender, from a point in ram.in. Returns false when the platform
     * finds that the point is not on the curve.
     */
    boolean setPeer(short point) {
        short kept = nvm.state[Nvm.KEPT_PEER];
        if (kept != 0 && guard.isFirst()
                && Util.arrayCompare(nvm.payees, Payees.point((short) (kept - 1)), ram.in, point,
                        Spec.POINT_LENGTH) == 0) {
            nvm.state[Nvm.KEPT_PEER] = 0;
        }
        return set(peer, PEER, point);
    }

    /** As above, for a key with that number. Writes over ram.out. */
    boolean set(ECPublicKey key, byte number, short point) {
        short fact = guard.next();
        byte mark = (byte) ((short) (point << KEY_BITS) | number);
        if (ram.in[point] != UNCOMPRESSED) {
            return false;
        }
        if (fact < Guard.SECOND) {
            if (!isCandidate(point)) {
                return false;
            }
            try {
                key.setW(ram.in, point, Spec.POINT_LENGTH);
                ram.facts[fact] = true;
                guard.mark(fact, mark);
            } catch (CryptoException e) {
                return false;
            }
        }
        return guard.holds(fact, mark) && isPoint(key, point);
    }

    /**
     * Reports whether an uncompressed point in ram.in can be one of the curve: with coordinates of
     * the field (SEC 1 section 3.2.2.1), and not its own inverse, as no point of a
     * group of odd order is. Whether it is on the curve the platform looks, where the key is set,
     * or agreed with.
     */
    private boolean isCandidate(short point) {
        byte[] in = ram.in;
        short y = (short) (point + 1 + Spec.SCALAR_LENGTH);
        return Curve.isCoordinate(in, (short) (point + 1)) && Curve.isCoordinate(in, y)
                && !isZero(in, y, Spec.SCALAR_LENGTH);
    }

    /** Reports whether a key is this point of ram.in. Writes over ram.out. */
    boolean isPoint(ECPublicKey key, short point) {
        key.getW(ram.out, (short) 0);
        return Util.arrayCompare(ram.out, (short) 0, ram.in, point, Spec.POINT_LENGTH) == 0;
    }

    /**
     * Writes the identity of a message in ram.in, SHA-256 of its body at offset, to scratch at
     * IDENTITY; in the second pass it must be there already.
     */
    void computeIdentity(short offset, short length) {
        byte[] scratch = ram.scratch;
        if (guard.isFirst()) {
            sha.doFinal(ram.in, offset, length, scratch, Ram.IDENTITY);
        } else {
            sha.doFinal(ram.in, offset, length, scratch, Ram.KEY);
            guard.require(Util.arrayCompare(scratch, Ram.IDENTITY, scratch, Ram.KEY,
                    Spec.HASH_LENGTH) == 0);
        }
    }

    /** Draws random bytes, an even number, which are never all zero. */
    void draw(byte[] b, short offset, short length) {
        short fact = guard.next();
        if (fact < Guard.SECOND) {
            guard.require(guard.isFirst()); // or what is answered could be drawn once more
            Util.arrayFillNonAtomic(b, offset, length, (byte) 0);
            random.generateData(b, offset, length);
            ram.facts[fact] = true;
            guard.mark(fact, RANDOM);
        }
        guard.require(guard.holds(fact, RANDOM) && !isZero(b, offset, length));
    }

    /** Reports whether up to 32 bytes are all zero. */
    static boolean isZero(byte[] b, short offset, short length) {
        return Util.arrayCompare(b, offset, ZEROS, (short) 0, length) == 0;
    }

    /**
     * ECDH of a point in ram.in with the key that PINs are enciphered to, or with the batch key; x
     * goes to scratch at AGREED. Returns false when the point is not accepted.
     */
    boolean agree(boolean batch, short point) {
        short fact = guard.next();
        byte mark = batch ? BATCH_AGREEMENT : AGREEMENT;
        if (ram.in[point] != UNCOMPRESSED) {
            return false;
        }
        if (fact < Guard.SECOND) {
            if (!isCandidate(point)) {
                return false;
            }
            ram.facts[fact] = true;
            try {
                guard.require(agreeOnce(batch, point) == Spec.HASH_LENGTH);
            } catch (CryptoException e) {
                if (!agreeAgain(batch, point)) {
                    return false;
                }
            }
            guard.mark(fact, mark);
        }
        // A secret that was not agreed on, but known to everybody, is never used.
        guard.require(!isZero(ram.scratch, Ram.AGREED, Spec.HASH_LENGTH));
        return guard.holds(fact, mark);
    }

    private short agreeOnce(boolean batch, short point) {
        return (batch ? batchAgreement : agreement)
                .generateSecret(ram.in, point, Spec.POINT_LENGTH, ram.scratch, Ram.AGREED);
    }

    /** Agrees after an exception: the engine has lost its key, or the point is not accepted. */
    private boolean agreeAgain(boolean batch, short point) {
        try {
            if (batch) {
                batchAgreement.init(batchKey);
            } else {
                agreement.init(pinKey);
            }
            return agreeOnce(batch, point) == Spec.HASH_LENGTH;
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

    /** Sets the key of the session's MACs. */
    void setSessionKey(byte[] key, short offset) {
        sessionKey.setKey(key, offset);
        sessionAes.init(sessionKey, Cipher.MODE_ENCRYPT);
    }

    /** AES-128-CBC encryption in place, zero initial value, with the session's key. */
    void encryptInSession(byte[] b, short offset, short length) {
        sessionAes.doFinal(b, offset, length, b, offset);
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

    /** The same in place. */
    void decryptInPlace(byte[] key, short keyOffset, byte[] iv, short ivOffset, byte[] b,
            short offset, short length) {
        decrypt(key, keyOffset, iv, ivOffset, b, offset, length, b, offset);
    }

    /** Forgets the key of encipher and decrypt. */
    void forgetKey() {
        aesKey.clearKey();
    }
}
