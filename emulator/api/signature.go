package api

import (
	"bytes"
	"crypto/subtle"
	"fmt"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

const signatureClass = "javacard/security/Signature"

// Hidden fields of Signature and Cipher, after the algorithm: what init set. They
// survive a reset, after which the initial chaining value is zero, as it is after
// every message.
const (
	engineMode = 1 // 0 before the first init
	engineKey  = 2
)

// Modes of Signature.init.
const (
	modeSign   = 1
	modeVerify = 2
)

// macInProgress is the MAC of a message in parts. made is the key that it was made
// of: it is of no use with another.
type macInProgress struct {
	engine.MAC
	made   []byte
	length int
}

// Copy implements [vm.Copier].
func (m *macInProgress) Copy() (any, error) {
	same, err := m.MAC.Copy()
	return &macInProgress{same, m.made, m.length}, err
}

// signatureNatives are the functions of javacard.security.Signature.
func signatureNatives(product *Product) map[string]vm.Native {
	return bind(signatureClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance(BZ)Ljavacard/security/Signature;": func(c *vm.Call) vm.Value {
			return newSignature(c, product, signatureByCode(c.Byte(0)))
		},
		"getInstance(BBBZ)Ljavacard/security/Signature;": func(c *vm.Call) vm.Value {
			return newSignature(c, product,
				signatureByParts(c.Byte(0), c.Byte(1), c.Byte(2)))
		},
		"getAlgorithm()B": func(c *vm.Call) vm.Value {
			return vm.Value(signatureOf(c).code)
		},
		"getMessageDigestAlgorithm()B": func(c *vm.Call) vm.Value {
			return vm.Value(signatureOf(c).digest)
		},
		"getCipherAlgorithm()B": func(c *vm.Call) vm.Value {
			return vm.Value(signatureOf(c).cipher)
		},
		"getPaddingAlgorithm()B": func(c *vm.Call) vm.Value {
			return vm.Value(signatureOf(c).padding)
		},
		"getLength()S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(int16(signatureLength(c, signatureOf(c))))
		},
		"init(Ljavacard/security/Key;B)V": func(c *vm.Call) vm.Value {
			initSignature(c, nil)
			return vm.Void
		},
		"init(Ljavacard/security/Key;B[BSS)V": func(c *vm.Call) vm.Value {
			iv := c.Bytes(c.Ref(2), int(c.Short(3)), int(c.Short(4)))
			if !signatureOf(c).takesIV() {
				throwCrypto(c, cryptoIllegalValue)
			}
			initSignature(c, append([]byte{}, iv...))
			return vm.Void
		},
		"update([BSS)V": func(c *vm.Call) vm.Value {
			feedSignature(c, signatureOf(c), requireInit(c, 0))
			return vm.Void
		},
		"sign([BSS[BS)S": func(c *vm.Call) vm.Value {
			spec, key := signatureOf(c), requireInit(c, modeSign)
			if spec.isMAC() {
				c.Bytes(c.Ref(3), int(c.Short(4)), spec.macLength())
			}
			feedSignature(c, spec, key)
			if spec.recoverable() {
				message := endRecoverable(c, spec, key)
				return putSignature(c, signRecoverable(c, spec, key, message))
			}
			return putSignature(c, makeSignature(c, spec, key, endMessage(c, spec, key)))
		},
		"verify([BSS[BSS)Z": func(c *vm.Call) vm.Value {
			spec, key := signatureOf(c), requireInit(c, modeVerify)
			signature := c.Bytes(c.Ref(3), int(c.Short(4)), int(c.Short(5)))
			feedSignature(c, spec, key)
			if spec.recoverable() {
				message := endRecoverable(c, spec, key)
				return vm.BoolValue(checkRecoverable(c, spec, key, message, signature))
			}
			return vm.BoolValue(checkSignature(c, spec, key, endMessage(c, spec, key), signature))
		},
		"setInitialDigest([BSS[BSS)V": func(c *vm.Call) vm.Value {
			spec := signatureOf(c)
			requireInit(c, 0)
			if spec.isMAC() || spec.takesDigest() || spec.recoverable() {
				throwCrypto(c, cryptoIllegalUse)
			}
			c.SetVolatile(c.This(), resumeDigest(c, spec.hash()))
			return vm.Void
		},
		"signPreComputedHash([BSS[BS)S": func(c *vm.Call) vm.Value {
			spec, key := signatureOf(c), requireInit(c, modeSign)
			return putSignature(c, makeSignature(c, spec, key, preComputed(c, spec)))
		},
		"verifyPreComputedHash([BSS[BSS)Z": func(c *vm.Call) vm.Value {
			spec, key := signatureOf(c), requireInit(c, modeVerify)
			signature := c.Bytes(c.Ref(3), int(c.Short(4)), int(c.Short(5)))
			return vm.BoolValue(checkSignature(c, spec, key, preComputed(c, spec), signature))
		},
	})
}

// newSignature makes an object of the algorithm at a place in signatureSpecs.
func newSignature(c *vm.Call, product *Product, index int) vm.Value {
	algorithm, class := offeredSignature(c, product, index), signatureClass
	if signatureSpecs[index].padding == padISO9796MR {
		class = recoveryClass
	}
	return newEngine(c, class, algorithm)
}

// offeredSignature returns what a Signature object keeps of the algorithm at a place in
// signatureSpecs, if the card has it.
func offeredSignature(c *vm.Call, product *Product, index int) vm.Value {
	if index < 0 {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	if s := signatureSpecs[index]; product.lacks(OfSignature, int(s.digest), int(s.cipher),
		int(s.padding)) {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	return vm.Value(index + 1)
}

func signatureOf(c *vm.Call) *signatureSpec { return numberedAlgorithm(c, signatureSpecs) }

func initSignature(c *vm.Call, iv []byte) {
	spec, key, mode := signatureOf(c), c.Ref(0), c.Byte(1)
	if mode != modeSign && mode != modeVerify {
		throwCrypto(c, cryptoIllegalValue)
	}
	usableKey(c, key, spec.keyFamilies(mode == modeSign)...)
	bits := int(c.Field(key, keyBits))
	count(c, KindSignatureInit, bits)
	c.SetVolatile(c.This(), nil)
	if spec.isMAC() {
		startMAC(c, spec, key, iv)
	}
	rememberInit(c, key, mode)
}

// rememberInit keeps what init was given: writes of the card, and so only made if
// something changes, and outside any transaction.
func rememberInit(c *vm.Call, key vm.Ref, mode int8) {
	if c.Field(c.This(), engineKey).Ref() != key {
		c.SetFieldOutside(c.This(), engineKey, vm.RefValue(key))
	}
	if c.Field(c.This(), engineMode) != vm.Value(mode) {
		c.SetFieldOutside(c.This(), engineMode, vm.Value(mode))
	}
}

// requireInit returns the key of init. It throws INVALID_INIT unless the mode is the
// one asked for (0 for any), and UNINITIALIZED_KEY if the key was cleared since.
func requireInit(c *vm.Call, mode int8) vm.Ref {
	now, key := int8(c.Field(c.This(), engineMode)), c.Field(c.This(), engineKey).Ref()
	if now == 0 || key == 0 || mode != 0 && now != mode {
		throwCrypto(c, cryptoInvalidInit)
	}
	if !isInitialized(c, key) {
		throwCrypto(c, cryptoUninitialized)
	}
	return key
}

func startMAC(c *vm.Call, spec *signatureSpec, key vm.Ref, iv []byte) *macInProgress {
	secret, isSecret := parsed(c, key).(secretKey)
	if !isSecret {
		throwCrypto(c, cryptoIllegalValue)
	}
	mac, err := spec.newMAC(secret, iv)
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	m := &macInProgress{MAC: mac, made: secret.bytes}
	c.SetVolatile(c.This(), m)
	return m
}

// currentMAC returns the MAC in progress, a new one if there is none for the key.
func currentMAC(c *vm.Call, spec *signatureSpec, key vm.Ref) *macInProgress {
	m, busy := c.Volatile(c.This()).(*macInProgress)
	if !busy || !bytes.Equal(m.made, component(c, key, secretValue)) {
		return startMAC(c, spec, key, nil)
	}
	return m
}

// feedSignature takes in the bytes that arguments 0 to 2 name.
func feedSignature(c *vm.Call, spec *signatureSpec, key vm.Ref) {
	switch {
	case spec.takesDigest():
		feedBroughtDigest(c)
		return
	case spec.recoverable():
		feedRecoverable(c, spec, key)
		return
	case !spec.isMAC():
		digestInProgress(c, spec.hash()).feed(c)
		return
	}
	m, n := currentMAC(c, spec, key), int(c.Short(2))
	m.Write(c.Bytes(c.Ref(0), int(c.Short(1)), n))
	m.length += n
}

// endMessage returns the digest, or the MAC, of the whole message.
func endMessage(c *vm.Call, spec *signatureSpec, key vm.Ref) []byte {
	if spec.takesDigest() {
		return endBroughtDigest(c)
	}
	if !spec.isMAC() {
		return digestInProgress(c, spec.hash()).finish(c, spec.hash(), nil)
	}
	m := currentMAC(c, spec, key)
	count(c, spec.macKind(), m.length)
	c.SetVolatile(c.This(), nil) // the next message starts with a chaining value of zero
	sum, err := m.Sum()
	if err != nil {
		throwCrypto(c, cryptoIllegalUse)
	}
	return sum[:spec.macLength()]
}

// preComputed returns the digest in arguments 0 to 2.
func preComputed(c *vm.Call, spec *signatureSpec) []byte {
	digest := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
	if spec.isMAC() || spec.takesDigest() || spec.recoverable() ||
		len(digest) != spec.hash().Size() {
		throwCrypto(c, cryptoIllegalUse)
	}
	c.SetVolatile(c.This(), nil)
	return append([]byte(nil), digest...)
}

func putSignature(c *vm.Call, signature []byte) vm.Value {
	c.PutBytes(c.Ref(3), int(c.Short(4)), signature)
	return vm.ShortValue(int16(len(signature)))
}

// makeSignature signs a digest; a MAC is its own signature.
func makeSignature(c *vm.Call, spec *signatureSpec, key vm.Ref, digest []byte) []byte {
	if spec.isMAC() {
		return digest
	}
	var signature []byte
	var err error
	bits := int(c.Field(key, keyBits))
	form := parse(c, key)
	switch k := form.value.(type) {
	case *engine.ECPrivateKey:
		count(c, KindECDSASign, bits)
		hash := spec.hash()
		if spec.takesDigest() {
			hash = digestOfLength(len(digest))
		}
		of := func() string {
			return fmt.Sprintf("sign %d %s%s", hash, form.made, digest)
		}
		signed := c.Remembered(of, func() any {
			made, failed := k.Sign(hash, digest) // by a nonce that follows from both
			return ecdsaResult{made, failed}
		}).(ecdsaResult)
		if signature, err = signed.signature, signed.err; err == nil && spec.cipher == sigPlain {
			signature, err = plainOf(signature, orderBytes(c, key))
		}
	case *engine.RSAPrivateKey:
		count(c, KindRSAPrivate, bits)
		if spec.padding == padPSS {
			signature, err = k.SignPSS(c.Random(), spec.hash(), digest)
		} else {
			signature, err = k.SignPKCS1(spec.hash(), digest)
		}
	default: // power was cut between the two writes of init
		throwCrypto(c, cryptoInvalidInit)
	}
	if err != nil {
		throwCrypto(c, cryptoIllegalUse)
	}
	return signature
}

// ecdsaResult is a signature, or why there is none.
type ecdsaResult struct {
	signature []byte
	err       error
}

func checkSignature(c *vm.Call, spec *signatureSpec, key vm.Ref, digest, signature []byte) bool {
	if spec.isMAC() {
		return subtle.ConstantTimeCompare(digest, signature) == 1
	}
	bits := int(c.Field(key, keyBits))
	form := parse(c, key)
	switch k := form.value.(type) {
	case *engine.ECPublicKey:
		count(c, KindECDSAVerify, bits)
		if spec.cipher == sigPlain {
			signature = derOf(signature, orderBytes(c, key))
		}
		of := func() string {
			return "verify " + string(form.made) + string(digest) + string(signature)
		}
		return c.Remembered(of, func() any { return k.Verify(digest, signature) }).(bool)
	case *engine.RSAPublicKey:
		count(c, KindRSAPublic, bits)
		if spec.padding == padPSS {
			return k.VerifyPSS(spec.hash(), digest, signature)
		}
		return k.VerifyPKCS1(spec.hash(), digest, signature)
	default: // power was cut between the two writes of init
		throwCrypto(c, cryptoInvalidInit)
		return false
	}
}

// signatureLength is the length of a signature in bytes; of ECDSA, the most that the
// DER form can take.
func signatureLength(c *vm.Call, spec *signatureSpec) int {
	key := requireInit(c, 0)
	if spec.isMAC() {
		return spec.macLength()
	}
	bits := int(c.Field(key, keyBits))
	if spec.cipher == sigRSA {
		return bits / 8
	}
	if spec.cipher == sigPlain {
		return 2 * orderBytes(c, key)
	}
	const header = 2 // tag and length of r, and of s; one more zero if the highest bit is set
	content := 2 * (header + fieldBytes(bits) + 1)
	if bits%8 != 0 {
		content = 2 * (header + fieldBytes(bits))
	}
	if content > 127 {
		return content + header + 1
	}
	return content + header
}
