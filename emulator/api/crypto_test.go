package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/vm"
)

const ecdsaSHA256 = 33

func TestSignaturesOfACardVerifyElsewhere(t *testing.T) {
	b := newBench(t)
	message := []byte("a message in two parts")
	var signer, verifier, data, out, public vm.Ref
	b.run(func() {
		var private vm.Ref
		_, public, private = b.p256Pair()
		signer, verifier = b.signature(ecdsaSHA256), b.signature(ecdsaSHA256)
		data, out = b.array(message), b.array(make([]byte, 80))
		b.c.SetRoot("signer", signer)
		b.initSignature(signer, private, modeSign)
		b.initSignature(verifier, public, modeVerify)
		assert.EqualValues(t, 72, b.call(signatureClass, "getLength()S", signer))
	})
	var first []byte
	for round := range 2 { // the second time after a reset, which must leave what init set
		b.run(func() {
			b.call(signatureClass, "update([BSS)V", signer, vm.RefValue(data), 0, 10)
			n := int(b.call(signatureClass, "sign([BSS[BS)S", signer, vm.RefValue(data), 10,
				vm.Value(len(message)-10), vm.RefValue(out), 3))
			signature := b.content(out, 3, n)
			if round == 0 {
				first = signature
			}
			assert.Equal(t, first, signature)

			w := b.array(make([]byte, 65))
			require.EqualValues(t, 65, b.call("javacard/security/ECPublicKey", "getW([BS)S", public,
				vm.RefValue(w), 0))
			key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), b.content(w, 0, 65))
			require.NoError(t, err)
			digest := sha256.Sum256(message)
			assert.True(t, ecdsa.VerifyASN1(key, digest[:], signature))

			verify := func() vm.Value {
				return b.call(signatureClass, "verify([BSS[BSS)Z", verifier, vm.RefValue(data), 0,
					vm.Value(len(message)), vm.RefValue(out), 3, vm.Value(n))
			}
			assert.EqualValues(t, 1, verify())
			b.c.PutBytes(data, 0, []byte{'A'})
			assert.EqualValues(t, 0, verify())
			b.c.PutBytes(data, 0, message[:1])
			hash := b.array(digest[:])
			assert.EqualValues(t, 1, b.call(signatureClass, "verifyPreComputedHash([BSS[BSS)Z",
				verifier, vm.RefValue(hash), 0, 32, vm.RefValue(out), 3, vm.Value(n)))
		})
		b.machine.Reset()
	}
}

func TestInitWritesOnlyWhatChanges(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		_, public, private := b.p256Pair()
		signer := b.signature(ecdsaSHA256)
		before := b.machine.Stats().Writes
		b.initSignature(signer, private, modeSign)
		assert.Equal(t, 2, b.machine.Stats().Writes-before, "key and mode")
		b.initSignature(signer, private, modeSign)
		assert.Equal(t, 2, b.machine.Stats().Writes-before, "nothing changed")
		b.initSignature(signer, public, modeVerify)
		assert.Equal(t, 4, b.machine.Stats().Writes-before)
	})
}

// ECDSA without a digest of its own signs a digest that the applet brings.
func TestSignatureOfABroughtDigest(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		digest := sha256.Sum256([]byte("hashed elsewhere"))
		_, public, private := b.p256Pair()
		plain := b.call(signatureClass, "getInstance(BBBZ)Ljavacard/security/Signature;", 0, 0,
			sigECDSA, padNull, 0).Ref()
		verifier := b.signature(ecdsaSHA256)
		data, out := b.array(digest[:]), b.array(make([]byte, 72))
		sign := func(length vm.Value) int {
			b.call(signatureClass, "update([BSS)V", plain, vm.RefValue(data), 0, 5)
			return int(b.call(signatureClass, "sign([BSS[BS)S", plain, vm.RefValue(data), 5, length,
				vm.RefValue(out), 0))
		}
		b.initSignature(plain, private, modeSign)
		n := sign(27)
		b.initSignature(verifier, public, modeVerify)
		assert.EqualValues(t, 1, b.call(signatureClass, "verifyPreComputedHash([BSS[BSS)Z",
			verifier, vm.RefValue(data), 0, 32, vm.RefValue(out), 0, vm.Value(n)))
		b.initSignature(plain, public, modeVerify)
		assert.EqualValues(t, 1,
			b.call(signatureClass, "verify([BSS[BSS)Z", plain, vm.RefValue(data), 0, 32,
				vm.RefValue(out), 0, vm.Value(n)))
		b.c.PutBytes(data, 0, []byte{^digest[0]})
		assert.EqualValues(t, 0,
			b.call(signatureClass, "verify([BSS[BSS)Z", plain, vm.RefValue(data), 0, 32,
				vm.RefValue(out), 0, vm.Value(n)))
		b.initSignature(plain, private, modeSign)
		b.throws(cryptoException, cryptoIllegalUse, func() { sign(20) })
		assert.Positive(t, sign(27), "what was refused is not part of the next message")
	})
}

func TestSignatureRefusals(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		_, public, private := b.p256Pair()
		empty := b.buildKey(typeECPrivate, 256)
		aes := b.buildKey(15, 128)
		signer := b.signature(ecdsaSHA256)
		data := b.array(make([]byte, 80))
		sign := func() {
			b.call(signatureClass, "sign([BSS[BS)S", signer, vm.RefValue(data), 0, 1,
				vm.RefValue(data), 0)
		}
		b.throws(cryptoException, cryptoInvalidInit, sign)
		b.throws(cryptoException, cryptoUninitialized,
			func() { b.initSignature(signer, empty, modeSign) })
		b.throws(cryptoException, cryptoIllegalValue,
			func() { b.initSignature(signer, public, modeSign) })
		b.throws(cryptoException, cryptoIllegalValue,
			func() { b.initSignature(signer, aes, modeSign) })
		b.throws(cryptoException, cryptoIllegalValue,
			func() { b.initSignature(signer, private, 3) })
		b.throws("java/lang/NullPointerException", 0,
			func() { b.initSignature(signer, 0, modeSign) })
		b.throws(cryptoException, cryptoNoSuchAlgorithm, func() { b.signature(12) })
		b.throws(cryptoException, cryptoIllegalValue, func() {
			b.call(signatureClass, "init(Ljavacard/security/Key;B[BSS)V", signer,
				vm.RefValue(private), modeSign, vm.RefValue(data), 0, 16)
		})
		b.initSignature(signer, public, modeVerify)
		b.throws(cryptoException, cryptoInvalidInit, sign)
		b.initSignature(signer, private, modeSign)
		sign()
		b.call("javacard/security/ECPrivateKey", "clearKey()V", private)
		b.throws(cryptoException, cryptoUninitialized, sign)
	})
}

func TestKeysOfKeyPairs(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		pair := b.c.NewObject("javacard/security/KeyPair")
		b.throws(cryptoException, cryptoNoSuchAlgorithm,
			func() { b.call("javacard/security/KeyPair", "<init>(BS)V", pair, 3, 256) })
		b.throws(cryptoException, cryptoNoSuchAlgorithm,
			func() { b.call("javacard/security/KeyPair", "<init>(BS)V", pair, pairEC, 255) })
		b.call("javacard/security/KeyPair", "<init>(BS)V", pair, pairEC, 256)
		b.throws(cryptoException, cryptoIllegalValue,
			func() { b.call("javacard/security/KeyPair", "genKeyPair()V", pair) })

		_, public, private := b.p256Pair()
		assert.EqualValues(t, 1, b.call("javacard/security/Key", "isInitialized()Z", private))
		assert.EqualValues(t, 256, b.call("javacard/security/Key", "getSize()S", public))
		assert.EqualValues(t, typeECPublic, b.call("javacard/security/Key", "getType()B", public))
		assert.EqualValues(t, 1, b.call("javacard/security/ECPrivateKey", "getK()S", private),
			"the private key takes the parameters of the public one")

		other := b.buildKey(typeECPrivate, 384)
		b.throws(cryptoException, cryptoIllegalValue, func() {
			b.call("javacard/security/KeyPair",
				"<init>(Ljavacard/security/PublicKey;Ljavacard/security/PrivateKey;)V", pair,
				vm.RefValue(public), vm.RefValue(other))
		})
		small := b.array(make([]byte, 10))
		b.throws(arrayIndexException, 0,
			func() {
				b.call("javacard/security/ECPublicKey", "getW([BS)S", public,
					vm.RefValue(small), 0)
			})
		b.throws(cryptoException, cryptoUninitialized,
			func() {
				b.call("javacard/security/ECPrivateKey", "getS([BS)S", other,
					vm.RefValue(small), 0)
			})
	})
}

func TestAgreementOfTwoKeys(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		_, publicA, privateA := b.p256Pair()
		_, publicB, privateB := b.p256Pair()
		point, out := b.array(make([]byte, 65)), b.array(make([]byte, 80))
		secret := func(algorithm int, private, public vm.Ref) []byte {
			agreement := b.call(agreementClass, "getInstance(BZ)Ljavacard/security/KeyAgreement;",
				0, vm.Value(algorithm), 0).Ref()
			b.call(agreementClass, "init(Ljavacard/security/PrivateKey;)V", agreement,
				vm.RefValue(private))
			b.call("javacard/security/ECPublicKey", "getW([BS)S", public, vm.RefValue(point), 0)
			n := b.call(agreementClass, "generateSecret([BSS[BS)S", agreement, vm.RefValue(point),
				0, 65, vm.RefValue(out), 0)
			return b.content(out, 0, int(n))
		}
		lengths := map[int]int{agreementDH: 20, agreementDHC: 20, agreementPlain: 32,
			agreementCPlain: 32, agreementPACEGM: 65, agreementPlainXY: 65}
		for algorithm, length := range lengths {
			atA, atB := secret(algorithm, privateA, publicB), secret(algorithm, privateB, publicA)
			assert.Equal(t, atA, atB)
			assert.Len(t, atA, length)
		}
		assert.Equal(t, secret(agreementPlain, privateA, publicB),
			secret(agreementPlainXY, privateA, publicB)[1:33])
	})
}

// RFC 4493 §4 example 3, and NIST SP 800-38A §F.2.1.
func TestAESEnginesOfACard(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		for _, code := range []int8{13, 14, 15} { // RAM to reset, RAM to deselect, persistent
			key := b.buildKey(code, 128)
			keyBytes := b.hexArray("2b7e151628aed2a6abf7158809cf4f3c")
			b.call("javacard/security/AESKey", "setKey([BS)V", key, vm.RefValue(keyBytes), 0)
			data := b.hexArray("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af" +
				"8e5130c81c46a35ce411")
			out := b.array(make([]byte, 40))

			cmac := b.signature(49)
			b.initSignature(cmac, key, modeSign)
			b.call(signatureClass, "sign([BSS[BS)S", cmac, vm.RefValue(data), 0, 40,
				vm.RefValue(out), 0)
			assert.Equal(t, "dfa66747de9ae63030ca32611497c827",
				hex.EncodeToString(b.content(out, 0, 16)))

			cipher := b.call(cipherClass, "getInstance(BZ)Ljavacardx/crypto/Cipher;", 0, 13,
				0).Ref()
			iv := b.hexArray("000102030405060708090a0b0c0d0e0f")
			b.call(cipherClass, "init(Ljavacard/security/Key;B[BSS)V", cipher, vm.RefValue(key),
				modeEncrypt, vm.RefValue(iv), 0, 16)
			encipher := func() string {
				b.call(cipherClass, "doFinal([BSS[BS)S", cipher, vm.RefValue(data), 0, 16,
					vm.RefValue(out), 0)
				return hex.EncodeToString(b.content(out, 0, 16))
			}
			assert.Equal(t, "7649abac8119b246cee98e9b12e9197d", encipher())
			assert.Equal(t, "3ad77bb40d7a3660a89ecaf32466ef97", encipher(),
				"after a message the chaining value is zero")
			b.throws(cryptoException, cryptoIllegalUse, func() {
				b.call(cipherClass, "doFinal([BSS[BS)S", cipher, vm.RefValue(data), 0, 15,
					vm.RefValue(out), 0)
			})
			b.call("javacard/security/AESKey", "clearKey()V", key)
			b.throws(cryptoException, cryptoUninitialized, func() { encipher() })
		}
	})
}

// A key in RAM is gone after a reset, whatever the engine remembers of it.
func TestTransientKeyIsGoneAfterReset(t *testing.T) {
	b := newBench(t)
	var key, mac, data vm.Ref
	b.run(func() {
		key, mac, data = b.buildKey(13, 128), b.signature(49), b.array(make([]byte, 32))
		b.call("javacard/security/AESKey", "setKey([BS)V", key, vm.RefValue(data), 0)
		b.initSignature(mac, key, modeSign)
	})
	b.machine.Reset()
	b.run(func() {
		assert.EqualValues(t, 0, b.call("javacard/security/AESKey", "isInitialized()Z", key))
		b.throws(cryptoException, cryptoUninitialized, func() {
			b.call(signatureClass, "sign([BSS[BS)S", mac, vm.RefValue(data), 0, 16,
				vm.RefValue(data), 0)
		})
	})
}

// A key set in a transaction that is aborted is not used again.
func TestAbortedKeyIsNotUsed(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		key, mac := b.buildKey(15, 128), b.signature(49)
		first, second, out := b.array(make([]byte, 16)), b.array([]byte("0123456789abcdef")),
			b.array(make([]byte, 16))
		set := func(to vm.Ref) {
			b.call("javacard/security/AESKey", "setKey([BS)V", key,
				vm.RefValue(to), 0)
		}
		sum := func() []byte {
			b.call(signatureClass, "sign([BSS[BS)S", mac, vm.RefValue(first), 0, 16,
				vm.RefValue(out), 0)
			return b.content(out, 0, 16)
		}
		set(first)
		b.initSignature(mac, key, modeSign)
		before := sum()
		b.c.BeginTransaction()
		set(second)
		b.initSignature(mac, key, modeSign)
		assert.NotEqual(t, before, sum())
		b.c.AbortTransaction()
		assert.Equal(t, before, sum())
	})
}

func TestRSAOfACard(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		for _, algorithm := range []int{pairRSA, pairRSACRT} {
			pair := b.c.NewObject("javacard/security/KeyPair")
			b.call("javacard/security/KeyPair", "<init>(BS)V", pair, vm.Value(algorithm), 1024)
			b.call("javacard/security/KeyPair", "genKeyPair()V", pair)
			public := b.call("javacard/security/KeyPair",
				"getPublic()Ljavacard/security/PublicKey;", pair).Ref()
			private := b.call("javacard/security/KeyPair",
				"getPrivate()Ljavacard/security/PrivateKey;", pair).Ref()
			message, out, back := b.array([]byte("message")), b.array(make([]byte, 128)),
				b.array(make([]byte, 128))

			for _, code := range []int8{10, 15} { // PKCS #1, OAEP
				cipher := b.call(cipherClass, "getInstance(BZ)Ljavacardx/crypto/Cipher;", 0,
					vm.Value(code), 0).Ref()
				b.call(cipherClass, "init(Ljavacard/security/Key;B)V", cipher, vm.RefValue(public),
					modeEncrypt)
				assert.EqualValues(t, 128,
					b.call(cipherClass, "doFinal([BSS[BS)S", cipher, vm.RefValue(message), 0, 7,
						vm.RefValue(out), 0))
				b.call(cipherClass, "init(Ljavacard/security/Key;B)V", cipher, vm.RefValue(private),
					modeDecrypt)
				assert.EqualValues(t, 7,
					b.call(cipherClass, "doFinal([BSS[BS)S", cipher, vm.RefValue(out), 0, 128,
						vm.RefValue(back), 0))
				assert.Equal(t, "message", string(b.content(back, 0, 7)))
				b.c.PutBytes(out, 5, []byte{b.content(out, 5, 1)[0] ^ 1})
				b.throws(cryptoException, cryptoIllegalUse, func() {
					b.call(cipherClass, "doFinal([BSS[BS)S", cipher, vm.RefValue(out), 0, 128,
						vm.RefValue(back), 0)
				})
			}
			// SHA-1 and SHA-256 with PKCS #1, SHA-256 with PSS
			for _, code := range []int8{10, 40, 44} {
				signature := b.signature(code)
				b.initSignature(signature, private, modeSign)
				assert.EqualValues(t, 128,
					b.call(signatureClass, "sign([BSS[BS)S", signature, vm.RefValue(message), 0, 7,
						vm.RefValue(out), 0))
				b.initSignature(signature, public, modeVerify)
				assert.EqualValues(t, 1,
					b.call(signatureClass, "verify([BSS[BSS)Z", signature, vm.RefValue(message), 0,
						7, vm.RefValue(out), 0, 128))
				assert.EqualValues(t, 0,
					b.call(signatureClass, "verify([BSS[BSS)Z", signature, vm.RefValue(message), 0,
						6, vm.RefValue(out), 0, 128))
			}
		}
	})
}

func TestDigestsChecksumsAndRandom(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		data, out := b.array([]byte("abc")), b.array(make([]byte, 64))
		digest := b.call("javacard/security/MessageDigest",
			"getInstance(BZ)Ljavacard/security/MessageDigest;", 0, 4, 0).Ref()
		// FIPS 180-4, example
		const ofABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
		for range 2 {
			b.call("javacard/security/MessageDigest", "update([BSS)V", digest, vm.RefValue(data), 0,
				1)
			b.call("javacard/security/MessageDigest", "doFinal([BSS[BS)S", digest,
				vm.RefValue(data), 1, 2, vm.RefValue(out), 0)
			assert.Equal(t, ofABC, hex.EncodeToString(b.content(out, 0, 32)))
		}
		b.call("javacard/security/MessageDigest", "update([BSS)V", digest, vm.RefValue(data), 0, 1)
		b.call("javacard/security/MessageDigest", "reset()V", digest)
		b.call("javacard/security/MessageDigest", "doFinal([BSS[BS)S", digest, vm.RefValue(data), 0,
			3, vm.RefValue(out), 0)
		assert.Equal(t, ofABC, hex.EncodeToString(b.content(out, 0, 32)))
		b.throws(cryptoException, cryptoNoSuchAlgorithm, func() {
			b.call("javacard/security/MessageDigest",
				"getInstance(BZ)Ljavacard/security/MessageDigest;", 0, 3, 0)
		})

		digits := b.array([]byte("123456789"))
		checksum := b.call(checksumClass, "getInstance(BZ)Ljavacard/security/Checksum;", 0,
			checksum16, 0).Ref()
		b.call(checksumClass, "update([BSS)V", checksum, vm.RefValue(digits), 0, 4)
		assert.EqualValues(t, 2,
			b.call(checksumClass, "doFinal([BSS[BS)S", checksum, vm.RefValue(digits), 4, 5,
				vm.RefValue(out), 0))
		assert.Equal(t, "ce3c", hex.EncodeToString(b.content(out, 0, 2)))

		random := b.call(randomClass, "getInstance(B)Ljavacard/security/RandomData;", 0, 2).Ref()
		b.call(randomClass, "generateData([BSS)V", random, vm.RefValue(out), 0, 16)
		first := b.content(out, 0, 16)
		b.call(randomClass, "generateData([BSS)V", random, vm.RefValue(out), 0, 16)
		assert.NotEqual(t, first, b.content(out, 0, 16))
		b.throws(cryptoException, cryptoIllegalValue,
			func() { b.call(randomClass, "generateData([BSS)V", random, vm.RefValue(out), 0, 0) })
	})
	counted := map[vm.CryptoOp]int{}
	for _, op := range b.machine.Stats().Crypto() {
		counted[op.CryptoOp] = op.Count
	}
	assert.Equal(t, 3, counted[vm.CryptoOp{Kind: "digest-SHA-256", Size: 3}])
	assert.Equal(t, 2, counted[vm.CryptoOp{Kind: KindRandom, Size: 16}])
}

// Power is cut between the writes of an init that turns a signer into a verifier: the
// next use is refused or is as before, never a signature that is none.
func TestPowerCutWithinInit(t *testing.T) {
	for cut := 1; cut <= 2; cut++ {
		b := newBench(t)
		var signature, public, data vm.Ref
		b.run(func() {
			var private vm.Ref
			_, public, private = b.p256Pair()
			signature, data = b.signature(ecdsaSHA256), b.array(make([]byte, 80))
			b.initSignature(signature, private, modeSign)
		})
		b.machine.CutBefore(cut)
		require.Error(t, b.try(func() { b.initSignature(signature, public, modeVerify) }))
		b.machine.Reset()
		b.run(func() {
			var n vm.Value
			sign := func() {
				n = b.call(signatureClass, "sign([BSS[BS)S", signature, vm.RefValue(data), 0, 1,
					vm.RefValue(data), 0)
			}
			if cut == 1 {
				sign()
				assert.Greater(t, int(n), 60)
			} else {
				b.throws(cryptoException, cryptoInvalidInit, sign)
			}
		})
	}
}

// A number may come with zeros before it; a secret is taken as it is or not at all.
func TestLongComponents(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		zeros := b.array(make([]byte, 200))
		hmac := b.buildKey(21, 64)
		b.throws(cryptoException, cryptoIllegalValue, func() {
			b.call("javacard/security/HMACKey", "setKey([BSS)V", hmac, vm.RefValue(zeros), 0,
				vm.Value(hmacKeyBytes+1))
		})
		b.call("javacard/security/HMACKey", "setKey([BSS)V", hmac, vm.RefValue(zeros), 0,
			hmacKeyBytes)

		private := b.buildKey(typeECPrivate, 256)
		padded := b.array(append(make([]byte, 8), numbered(32)...))
		b.call("javacard/security/ECPrivateKey", "setS([BSS)V", private, vm.RefValue(padded), 0, 40)
		out := b.array(make([]byte, 40))
		n := b.call("javacard/security/ECPrivateKey", "getS([BS)S", private, vm.RefValue(out), 0)
		assert.Equal(t, append([]byte{0}, numbered(32)...), b.content(out, 0, int(n)))
		b.throws(cryptoException, cryptoIllegalValue, func() {
			b.call("javacard/security/ECPrivateKey", "setS([BSS)V", private, vm.RefValue(zeros), 0,
				0)
		})
	})
}

// SIG_CIPHER_ECDSA_PLAIN has r and s one after the other, each as long as the field.
func TestPlainECDSA(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		_, public, private := b.p256Pair()
		const make = "getInstance(BBBZ)Ljavacard/security/Signature;"
		plain := b.call(signatureClass, make, 0, 4, sigPlain, padNull, 0).Ref()
		b.initSignature(plain, private, modeSign)
		assert.EqualValues(t, 64, b.call(signatureClass, "getLength()S", plain))
		message, out := b.array(numbered(50)), b.array(numbered(80))
		ref := vm.RefValue
		n := b.call(signatureClass, "sign([BSS[BS)S", plain, ref(message), 0, 50, ref(out), 0)
		assert.EqualValues(t, 64, n)
		b.initSignature(plain, public, modeVerify)
		verify := func(length int) bool {
			return b.call(signatureClass, "verify([BSS[BSS)Z", plain, ref(message), 0, 50,
				ref(out), 0, vm.Value(length)).Bool()
		}
		assert.True(t, verify(64))
		assert.False(t, verify(63))
		der := b.signature(ecdsaSHA256)
		b.initSignature(der, private, modeSign)
		again := b.array(numbered(80))
		n = b.call(signatureClass, "sign([BSS[BS)S", der, ref(message), 0, 50, ref(again), 0)
		want, err := plainOf(b.content(again, 0, int(n)), 32)
		assert.NoError(t, err)
		assert.Equal(t, want, b.content(out, 0, 64), "the same r and s as in DER")
		b.c.PutBytes(out, 40, []byte{1, 2, 3})
		assert.False(t, verify(64))
	})
}
