package api

import (
	"bytes"
	"crypto"
	"errors"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

const cipherClass = "javacardx/crypto/Cipher"

// Ciphers and paddings of Cipher beside those of Signature.
const (
	cipherAESCBC = 1
	cipherAESECB = 2
	cipherDESCBC = 3
	cipherDESECB = 4
	cipherRSA    = 7
	cipherAESCTR = -16 // the API names counter mode by its algorithm alone
	cipherAESGCM = -15
	cipherAESCCM = -14

	padOAEP       = 9
	padOAEPSHA224 = 13
	padOAEPSHA256 = 14
	padOAEPSHA384 = 15
	padOAEPSHA512 = 16

	modeDecrypt = 1
	modeEncrypt = 2
)

// cipherSpec is an algorithm of Cipher: its ALG_... code, 0 if it can be had only by
// its parts, and the parts.
type cipherSpec struct {
	code, cipher, padding int8
}

// cipherSpecs lists the algorithms offered. A Cipher object holds its place in the
// list, so that what is added goes to the end. The 128 in ALG_AES_BLOCK_128 is the
// block length: AES takes any key length.
var cipherSpecs = []cipherSpec{
	{1, cipherDESCBC, padNone}, {2, cipherDESCBC, padM1}, {3, cipherDESCBC, padM2},
	{4, cipherDESCBC, padPKCS5},
	{5, cipherDESECB, padNone}, {6, cipherDESECB, padM1}, {7, cipherDESECB, padM2},
	{8, cipherDESECB, padPKCS5},
	{10, cipherRSA, padPKCS1}, {12, cipherRSA, padNone}, {15, cipherRSA, padOAEP},
	{0, cipherRSA, padOAEPSHA224}, {0, cipherRSA, padOAEPSHA256}, {0, cipherRSA, padOAEPSHA384},
	{0, cipherRSA, padOAEPSHA512},
	{13, cipherAESCBC, padNone}, {14, cipherAESECB, padNone},
	{22, cipherAESCBC, padM1}, {23, cipherAESCBC, padM2}, {24, cipherAESCBC, padPKCS5},
	{25, cipherAESECB, padM1}, {26, cipherAESECB, padM2}, {27, cipherAESECB, padPKCS5},
	{cipherAESCTR, cipherAESCTR, padNone},
	{-13, cipherAESGCM, padNull}, {-12, cipherAESCCM, padNull},
}

func cipherByCode(code int8) int {
	for i, s := range cipherSpecs {
		if s.code == code && code != 0 {
			return i
		}
	}
	return -1
}

func cipherByParts(cipher, padding int8) int {
	for i, s := range cipherSpecs {
		if s.cipher == cipher && s.padding == padding {
			return i
		}
	}
	return -1
}

// isAEAD reports whether the cipher authenticates too.
func (s *cipherSpec) isAEAD() bool { return s.cipher == cipherAESGCM || s.cipher == cipherAESCCM }

func (s *cipherSpec) name() string {
	switch s.cipher {
	case cipherRSA:
		return "RSA"
	case cipherDESCBC, cipherDESECB:
		return "DES"
	default:
		return "AES"
	}
}

func (s *cipherSpec) mode() engine.Mode {
	switch s.cipher {
	case cipherAESCBC, cipherDESCBC:
		return engine.ModeCBC
	case cipherAESCTR:
		return engine.ModeCTR
	default:
		return engine.ModeECB
	}
}

func (s *cipherSpec) keyFamilies() []*family {
	switch s.name() {
	case "RSA":
		return []*family{rsaPublicFamily, rsaPrivateFamily, rsaCRTFamily}
	case "DES":
		return []*family{desFamily}
	default:
		return []*family{aesFamily}
	}
}

// oaepHash is the digest of an OAEP padding, 0 for other paddings.
func (s *cipherSpec) oaepHash() crypto.Hash {
	return map[int8]crypto.Hash{
		padOAEP: crypto.SHA1, padOAEPSHA224: crypto.SHA224, padOAEPSHA256: crypto.SHA256,
		padOAEPSHA384: crypto.SHA384, padOAEPSHA512: crypto.SHA512,
	}[s.padding]
}

// blocksInProgress is a message in parts under the key that it was started with.
type blocksInProgress struct {
	*engine.BlockCipher
	made []byte
}

// Copy implements [vm.Copier].
func (b *blocksInProgress) Copy() (any, error) {
	return &blocksInProgress{b.BlockCipher.Copy(), b.made}, nil
}

// rsaInProgress is the message that RSA will take as a whole.
type rsaInProgress struct{ message []byte }

// Copy implements [vm.Copier].
func (r *rsaInProgress) Copy() (any, error) {
	return &rsaInProgress{bytes.Clone(r.message)}, nil
}

// cipherNatives are the functions of javacardx.crypto.Cipher.
func cipherNatives(product *Product) map[string]vm.Native {
	return bind(cipherClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance(BZ)Ljavacardx/crypto/Cipher;": func(c *vm.Call) vm.Value {
			return newCipher(c, product, cipherByCode(c.Byte(0)))
		},
		"getInstance(BBZ)Ljavacardx/crypto/Cipher;": func(c *vm.Call) vm.Value {
			return newCipher(c, product, cipherByParts(c.Byte(0), c.Byte(1)))
		},
		"getAlgorithm()B":       func(c *vm.Call) vm.Value { return vm.Value(cipherOf(c).code) },
		"getCipherAlgorithm()B": func(c *vm.Call) vm.Value { return vm.Value(cipherOf(c).cipher) },
		"getPaddingAlgorithm()B": func(c *vm.Call) vm.Value {
			return vm.Value(cipherOf(c).padding)
		},
		"init(Ljavacard/security/Key;B)V": func(c *vm.Call) vm.Value {
			initCipher(c, nil)
			return vm.Void
		},
		"init(Ljavacard/security/Key;B[BSS)V": func(c *vm.Call) vm.Value {
			iv := c.Bytes(c.Ref(2), int(c.Short(3)), int(c.Short(4)))
			if cipherOf(c).mode() == engine.ModeECB { // and RSA
				throwCrypto(c, cryptoIllegalValue)
			}
			initCipher(c, append([]byte{}, iv...))
			return vm.Void
		},
		"update([BSS[BS)S":  func(c *vm.Call) vm.Value { return runCipher(c, false) },
		"doFinal([BSS[BS)S": func(c *vm.Call) vm.Value { return runCipher(c, true) },
	})
}

// newCipher makes an object of the algorithm at a place in cipherSpecs.
func newCipher(c *vm.Call, product *Product, index int) vm.Value {
	algorithm, class := offeredCipher(c, product, index), cipherClass
	if cipherSpecs[index].isAEAD() {
		class = aeadClass
	}
	return newEngine(c, class, algorithm)
}

// offeredCipher returns what a Cipher object keeps of the algorithm at a place in
// cipherSpecs, if the card has it.
func offeredCipher(c *vm.Call, product *Product, index int) vm.Value {
	if index < 0 {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	if s := cipherSpecs[index]; product.lacks(OfCipher, int(s.cipher), int(s.padding)) {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	return vm.Value(index + 1)
}

func cipherOf(c *vm.Call) *cipherSpec { return numberedAlgorithm(c, cipherSpecs) }

func initCipher(c *vm.Call, iv []byte) {
	spec, key, mode := cipherOf(c), c.Ref(0), c.Byte(1)
	if mode != modeEncrypt && mode != modeDecrypt {
		throwCrypto(c, cryptoIllegalValue)
	}
	f := usableKey(c, key, spec.keyFamilies()...)
	bits := int(c.Field(key, keyBits))
	if spec.oaepHash() != 0 && (f == rsaPublicFamily) != (mode == modeEncrypt) {
		throwCrypto(c, cryptoIllegalValue)
	}
	count(c, KindCipherInit+spec.name(), bits)
	c.SetVolatile(c.This(), nil)
	if spec.cipher != cipherRSA {
		startBlocks(c, spec, key, mode, iv)
	}
	rememberInit(c, key, mode)
}

func startBlocks(c *vm.Call, spec *cipherSpec, key vm.Ref, mode int8, iv []byte) *blocksInProgress {
	secret, isSecret := parsed(c, key).(secretKey)
	if !isSecret {
		throwCrypto(c, cryptoIllegalValue)
	}
	blocks, err := engine.NewBlockCipher(secret.block, spec.mode(), blockPaddings[spec.padding],
		mode == modeEncrypt, iv)
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	b := &blocksInProgress{blocks, secret.bytes}
	c.SetVolatile(c.This(), b)
	return b
}

// runCipher is update and doFinal: input in arguments 0 to 2, output to 3 and 4.
func runCipher(c *vm.Call, final bool) vm.Value {
	spec, key := cipherOf(c), requireInit(c, 0)
	input := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
	c.Bytes(c.Ref(3), int(c.Short(4)), 0)
	var output []byte
	if spec.cipher == cipherRSA {
		output = runRSA(c, spec, key, input, final)
	} else {
		output = runBlocks(c, spec, key, input, final)
	}
	c.PutBytes(c.Ref(3), int(c.Short(4)), output)
	return vm.ShortValue(int16(len(output)))
}

func runBlocks(c *vm.Call, spec *cipherSpec, key vm.Ref, input []byte, final bool) []byte {
	b, busy := c.Volatile(c.This()).(*blocksInProgress)
	if !busy || !bytes.Equal(b.made, component(c, key, secretValue)) {
		b = startBlocks(c, spec, key, int8(c.Field(c.This(), engineMode)), nil)
	}
	count(c, KindCipher+spec.name(), len(input))
	output := make([]byte, 0, len(input)+2*16) // what was pending, and padding
	if !final {
		return b.Update(output, input)
	}
	c.SetVolatile(c.This(), nil) // the next message starts with a chaining value of zero
	output, err := b.Final(output, input)
	if err != nil {
		throwCrypto(c, cryptoIllegalUse)
	}
	return output
}

func runRSA(c *vm.Call, spec *cipherSpec, key vm.Ref, input []byte, final bool) []byte {
	r, busy := c.Volatile(c.This()).(*rsaInProgress)
	if !busy {
		r = &rsaInProgress{}
		c.SetVolatile(c.This(), r)
	}
	bits := int(c.Field(key, keyBits))
	if len(r.message)+len(input) > bits/8 {
		c.SetVolatile(c.This(), nil)
		throwCrypto(c, cryptoIllegalUse)
	}
	r.message = append(r.message, input...)
	if !final {
		return nil
	}
	c.SetVolatile(c.This(), nil)
	output, err := finishRSA(c, spec, parsed(c, key), r.message, bits)
	if err != nil {
		throwCrypto(c, cryptoIllegalUse)
	}
	return output
}

// finishRSA pads and enciphers, or deciphers and removes the padding, with the
// public or the private key.
func finishRSA(
	c *vm.Call, spec *cipherSpec, key any, message []byte, bits int,
) (out []byte, err error) {
	size, isPrivate := bits/8, false
	var apply func([]byte) ([]byte, error)
	switch k := key.(type) {
	case *engine.RSAPublicKey:
		apply = k.Apply
		count(c, KindRSAPublic, bits)
	case *engine.RSAPrivateKey:
		apply, isPrivate = k.Apply, true
		count(c, KindRSAPrivate, bits)
	default:
		return nil, errors.New("api: not an RSA key")
	}
	if c.Field(c.This(), engineMode) == modeEncrypt {
		switch {
		case spec.oaepHash() != 0:
			message, err = engine.PadOAEP(c.Random(), spec.oaepHash(), message, size)
		case spec.padding == padPKCS1 && isPrivate:
			message, err = engine.PadPKCS1Type1(message, size)
		case spec.padding == padPKCS1:
			message, err = engine.PadPKCS1(c.Random(), message, size)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(message) != size {
		return nil, engine.ErrLength
	}
	if out, err = apply(message); err != nil || c.Field(c.This(), engineMode) == modeEncrypt {
		return out, err
	}
	switch {
	case spec.oaepHash() != 0:
		return engine.UnpadOAEP(spec.oaepHash(), out)
	case spec.padding == padPKCS1:
		return engine.UnpadPKCS1(out)
	}
	return out, nil
}
