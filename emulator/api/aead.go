package api

import (
	"crypto/subtle"
	"slices"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

const aeadClass = "javacardx/crypto/AEADCipher"

// gcmNonce is the length of the initial chaining value that init without one gives GCM, and the
// only one that NIST SP 800-38D recommends.
const gcmNonce = 12

// gcmTags are the lengths of a tag of GCM in bytes (NIST SP 800-38D §5.2.1.2).
var gcmTags = []int{4, 8, 12, 13, 14, 15, 16}

// aeadInProgress is a message of which the lengths are known beforehand, in CCM mode, or are not.
type aeadInProgress struct {
	mode                engine.AEAD
	additional, message int  // bytes that came
	begun               bool // the message has begun: no more additional data
	toCome              *aeadLengths
	tag                 []byte // once the message has ended
}

// aeadLengths are what init was told of a message in CCM mode, in bytes.
type aeadLengths struct{ additional, message, tag int }

// Copy implements [vm.Copier].
func (a *aeadInProgress) Copy() (any, error) {
	same := *a
	same.mode = a.mode.Copy()
	return &same, nil
}

// aeadNatives are the functions of javacardx.crypto.AEADCipher beside those of Cipher.
func aeadNatives() map[string]vm.Native {
	return bind(aeadClass, map[string]vm.Native{
		"<init>()V": nothing, // for a subclass of an applet's
		"init(Ljavacard/security/Key;B)V": func(c *vm.Call) vm.Value {
			initAEAD(c, cipherAESGCM, make([]byte, gcmNonce), nil)
			return vm.Void
		},
		"init(Ljavacard/security/Key;B[BSS)V": func(c *vm.Call) vm.Value {
			iv := slices.Clone(c.Bytes(c.Ref(2), int(c.Short(3)), int(c.Short(4))))
			initAEAD(c, cipherAESGCM, iv, nil)
			return vm.Void
		},
		"init(Ljavacard/security/Key;B[BSSSSS)V": func(c *vm.Call) vm.Value {
			nonce := slices.Clone(c.Bytes(c.Ref(2), int(c.Short(3)), int(c.Short(4))))
			initAEAD(c, cipherAESCCM, nonce,
				&aeadLengths{int(c.Short(5)), int(c.Short(6)), int(c.Short(7))})
			return vm.Void
		},
		"updateAAD([BSS)V": func(c *vm.Call) vm.Value {
			a, part := currentAEAD(c), c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
			if a.begun {
				throwCrypto(c, cryptoIllegalUse)
			}
			if a.toCome != nil && a.additional+len(part) > a.toCome.additional {
				throwCrypto(c, cryptoIllegalValue)
			}
			a.mode.Additional(part)
			a.additional += len(part)
			return vm.Void
		},
		"update([BSS[BS)S":  func(c *vm.Call) vm.Value { return runAEAD(c, false) },
		"doFinal([BSS[BS)S": func(c *vm.Call) vm.Value { return runAEAD(c, true) },
		"retrieveTag([BSS)S": func(c *vm.Call) vm.Value {
			tag := endedAEAD(c, modeEncrypt, int(c.Short(2)))
			c.PutBytes(c.Ref(0), int(c.Short(1)), tag)
			return vm.ShortValue(int16(len(tag)))
		},
		"verifyTag([BSSS)Z": func(c *vm.Call) vm.Value {
			received := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
			tag := endedAEAD(c, modeDecrypt, int(c.Short(3)))
			return vm.BoolValue(len(received) >= len(tag) &&
				subtle.ConstantTimeCompare(received[:len(tag)], tag) == 1)
		},
	})
}

// initAEAD is init, for objects in one mode. In the other it throws INVALID_INIT.
func initAEAD(c *vm.Call, wanted int8, nonce []byte, toCome *aeadLengths) {
	spec, key, mode := cipherOf(c), c.Ref(0), c.Byte(1)
	if mode != modeEncrypt && mode != modeDecrypt {
		throwCrypto(c, cryptoIllegalValue)
	}
	usableKey(c, key, spec.keyFamilies()...)
	if spec.cipher != wanted {
		throwCrypto(c, cryptoInvalidInit)
	}
	startAEAD(c, key, mode, nonce, toCome)
	count(c, KindCipherInit+spec.name(), int(c.Field(key, keyBits)))
	rememberInit(c, key, mode)
}

func startAEAD(
	c *vm.Call, key vm.Ref, mode int8, nonce []byte, toCome *aeadLengths,
) *aeadInProgress {
	secret, isSecret := parsed(c, key).(secretKey)
	if !isSecret {
		throwCrypto(c, cryptoIllegalValue)
	}
	a := &aeadInProgress{toCome: toCome}
	var err error
	if toCome == nil {
		a.mode, err = engine.NewGCM(secret.block, mode == modeEncrypt, nonce)
	} else {
		a.mode, err = engine.NewCCM(secret.block, mode == modeEncrypt, nonce, toCome.additional,
			toCome.message, toCome.tag)
	}
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	c.SetVolatile(c.This(), a)
	return a
}

// currentAEAD returns the message in progress. After one, and after a reset, GCM has an initial
// chaining value of zeros, and CCM nothing: each message has a nonce and lengths of its own.
func currentAEAD(c *vm.Call) *aeadInProgress {
	spec, key := cipherOf(c), requireInit(c, 0)
	a, busy := c.Volatile(c.This()).(*aeadInProgress)
	if busy && a.tag == nil {
		return a
	}
	if spec.cipher == cipherAESCCM {
		throwCrypto(c, cryptoInvalidInit)
	}
	return startAEAD(c, key, int8(c.Field(c.This(), engineMode)), make([]byte, gcmNonce), nil)
}

// runAEAD is update and doFinal: input in arguments 0 to 2, output to 3 and 4.
func runAEAD(c *vm.Call, final bool) vm.Value {
	a, input := currentAEAD(c), c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
	c.Bytes(c.Ref(3), int(c.Short(4)), len(input))
	if a.toCome != nil {
		missing := a.toCome.message - a.message - len(input)
		if a.additional != a.toCome.additional || missing < 0 || final && missing > 0 {
			throwCrypto(c, cryptoIllegalUse)
		}
	}
	name := cipherOf(c).name()
	output := a.mode.Crypt(make([]byte, 0, len(input)), input)
	count(c, KindCipher+name, len(input))
	a.message, a.begun = a.message+len(input), true
	if final {
		a.tag = a.mode.Tag()
		count(c, KindMAC+name, a.additional+a.message)
	}
	c.PutBytes(c.Ref(3), int(c.Short(4)), output)
	return vm.ShortValue(int16(len(output)))
}

// endedAEAD returns so many bytes of the tag of a message that has ended.
func endedAEAD(c *vm.Call, mode int8, length int) []byte {
	a, busy := c.Volatile(c.This()).(*aeadInProgress)
	if !busy || a.tag == nil || c.Field(c.This(), engineMode) != vm.Value(mode) {
		throwCrypto(c, cryptoIllegalUse)
	}
	if a.toCome != nil && length != a.toCome.tag ||
		a.toCome == nil && !slices.Contains(gcmTags, length) {
		throwCrypto(c, cryptoIllegalValue)
	}
	return a.tag[:length]
}
