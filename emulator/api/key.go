package api

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

// keyClass is the hidden class behind every key interface; each interface has a
// subclass of it. Its data is one byte array, in the memory of the key's type, with the
// key's components one after the other: two bytes of length, 0 while the component is
// not set, and room for the longest value.
const keyClass = "javacard/security/KeyObject"

// Hidden fields of a key.
const (
	keyType = iota // TYPE_... of KeyBuilder
	keyBits
	keyData
)

// family is a kind of key, whatever memory it is in.
type family struct {
	name       string // of the interface, in javacard/security
	components func(bits int) []int
	// parse makes the engine's form of a key whose components are all set.
	parse func(bits int, parts [][]byte) (any, error)
}

// Components of a key by family.
const (
	secretValue = 0

	rsaModulus, rsaExponent     = 0, 1
	crtP, crtQ, crtPQ           = 0, 1, 2
	crtDP1, crtDQ1              = 3, 4
	ecField, ecA, ecB, ecG, ecR = 0, 1, 2, 3, 4
	ecK, ecValue                = 5, 6
	hmacKeyBytes                = 128
	ecDomainComponents          = 6
	lengthPrefix                = 2
	defaultCofactor             = 1
)

func fieldBytes(bits int) int { return (bits + 7) / 8 }

func secretOf(bits int) []int { return []int{bits / 8} }

func rsaParts(bits int) []int { return []int{bits / 8, bits / 8} }

func ecDomain(bits int) []int {
	n := fieldBytes(bits)
	return []int{n, n, n, 1 + 2*n, n + 1, 2}
}

var (
	desFamily = &family{"DESKey", secretOf, func(_ int, parts [][]byte) (any, error) {
		block, err := engine.NewDES(parts[secretValue])
		return secretKey{bytes: parts[secretValue], block: block}, err
	}}
	aesFamily = &family{"AESKey", secretOf, func(_ int, parts [][]byte) (any, error) {
		block, err := engine.NewAES(parts[secretValue])
		return secretKey{bytes: parts[secretValue], block: block}, err
	}}
	hmacFamily = &family{"HMACKey", func(int) []int { return []int{hmacKeyBytes} },
		func(_ int, parts [][]byte) (any, error) {
			return secretKey{bytes: parts[secretValue]}, nil
		}}
	rsaPublicFamily = &family{"RSAPublicKey", rsaParts,
		func(bits int, parts [][]byte) (any, error) {
			return engine.NewRSAPublicKey(bits, parts[rsaModulus], parts[rsaExponent])
		}}
	rsaPrivateFamily = &family{"RSAPrivateKey", rsaParts,
		func(bits int, parts [][]byte) (any, error) {
			return engine.NewRSAPrivateKey(bits, parts[rsaModulus], parts[rsaExponent])
		}}
	rsaCRTFamily = &family{"RSAPrivateCrtKey", func(bits int) []int {
		half := bits / 16
		return []int{half, half, half, half, half}
	}, func(bits int, parts [][]byte) (any, error) {
		return engine.NewRSAPrivateCRTKey(bits, parts[crtP], parts[crtQ], parts[crtDP1],
			parts[crtDQ1], parts[crtPQ])
	}}
	ecPublicFamily = &family{"ECPublicKey", func(bits int) []int {
		return append(ecDomain(bits), 1+2*fieldBytes(bits))
	}, func(bits int, parts [][]byte) (any, error) {
		curve, err := parseCurve(bits, parts)
		if err != nil {
			return nil, err
		}
		return curve.NewPublicKey(parts[ecValue])
	}}
	ecPrivateFamily = &family{"ECPrivateKey", func(bits int) []int {
		return append(ecDomain(bits), fieldBytes(bits)+1)
	}, func(bits int, parts [][]byte) (any, error) {
		curve, err := parseCurve(bits, parts)
		if err != nil {
			return nil, err
		}
		return curve.NewPrivateKey(parts[ecValue])
	}}
	ecParameterFamily = &family{"ECKey", ecDomain, func(bits int, parts [][]byte) (any, error) {
		return parseCurve(bits, parts)
	}}
	families = []*family{desFamily, aesFamily, hmacFamily, rsaPublicFamily, rsaPrivateFamily,
		rsaCRTFamily, ecPublicFamily, ecPrivateFamily, ecParameterFamily}
)

// isNumeric reports whether the components are numbers, and not a string of bytes.
func (f *family) isNumeric() bool { return f != desFamily && f != aesFamily && f != hmacFamily }

// isEC reports whether the key has the components of a curve.
func (f *family) isEC() bool {
	return f == ecPublicFamily || f == ecPrivateFamily || f == ecParameterFamily
}

// optional reports whether a key is initialized without the component: the cofactor.
func (f *family) optional(component int) bool { return f.isEC() && component == ecK }

func (f *family) class() string { return "javacard/security/" + f.name + "Object" }

// secretKey is a symmetric key as the engines take it.
type secretKey struct {
	bytes []byte
	block cipher.Block // nil for HMAC
}

// parseCurve makes a curve of the domain parameters among the components.
func parseCurve(bits int, parts [][]byte) (*engine.Curve, error) {
	cofactor := defaultCofactor
	if k := parts[ecK]; len(k) == 2 {
		cofactor = int(binary.BigEndian.Uint16(k))
	}
	curve, err := engine.NewCurve(parts[ecField], parts[ecA], parts[ecB], parts[ecG], parts[ecR],
		cofactor)
	if err == nil && curve.FieldSize() != fieldBytes(bits) {
		return nil, engine.ErrParameter
	}
	return curve, err
}

// familyOf returns the kind of the key behind r, and throws if r is no key.
func familyOf(c *vm.Call, r vm.Ref) *family {
	if !c.InstanceOf(r, keyClass) {
		throwCrypto(c, cryptoIllegalValue)
	}
	kind, known := kindOf(int8(c.Field(r, keyType)))
	if !known {
		notMade(c)
	}
	return kind.family
}

func throwCrypto(c *vm.Call, reason int16) { c.Throw(cryptoException, reason) }

// keyContent returns the whole data of a key, for reading.
func keyContent(c *vm.Call, key vm.Ref) []byte {
	data := c.Field(key, keyData).Ref()
	return c.Bytes(data, 0, c.Length(data))
}

// splitKey cuts the data of a key into its components; those not set are nil.
func splitKey(f *family, bits int, data []byte) [][]byte {
	sizes := f.components(bits)
	parts := make([][]byte, len(sizes))
	for i, size := range sizes {
		if n := int(binary.BigEndian.Uint16(data)); n > 0 && n <= size {
			parts[i] = data[lengthPrefix : lengthPrefix+n]
		}
		data = data[lengthPrefix+size:]
	}
	return parts
}

// component returns a component of a key, nil if it is not set.
func component(c *vm.Call, key vm.Ref, index int) []byte {
	f := familyOf(c, key)
	return splitKey(f, int(c.Field(key, keyBits)), keyContent(c, key))[index]
}

// setComponent writes a component of a key, in one write. A number that is too long
// must begin with zeros, which are dropped; a secret must fit.
func setComponent(c *vm.Call, key vm.Ref, index int, value []byte) {
	f := familyOf(c, key)
	sizes := f.components(int(c.Field(key, keyBits)))
	off := 0
	for _, size := range sizes[:index] {
		off += lengthPrefix + size
	}
	for f.isNumeric() && len(value) > sizes[index] && value[0] == 0 {
		value = value[1:]
	}
	if len(value) > sizes[index] || len(value) == 0 {
		throwCrypto(c, cryptoIllegalValue)
	}
	entry := append(binary.BigEndian.AppendUint16(nil, uint16(len(value))), value...)
	c.PutBytes(c.Field(key, keyData).Ref(), off, entry)
}

// isInitialized reports whether all components that the key needs are set.
func isInitialized(c *vm.Call, key vm.Ref) bool {
	f := familyOf(c, key)
	for i, part := range splitKey(f, int(c.Field(key, keyBits)), keyContent(c, key)) {
		if part == nil && !f.optional(i) {
			return false
		}
	}
	return true
}

// parsedKey is a key in the engine's form, kept beside the bytes it was made of: it is
// valid as long as the key holds the same bytes, whatever cleared or restored them.
type parsedKey struct {
	made  []byte
	value any
}

// Copy implements [vm.Copier]: a parsed key never changes.
func (k *parsedKey) Copy() (any, error) { return k, nil }

// parsed returns the engine's form of a key. It throws UNINITIALIZED_KEY, or
// ILLEGAL_VALUE if the components do not make a key.
func parsed(c *vm.Call, key vm.Ref) any { return parse(c, key).value }

// parse is parsed, with the bytes that the form was made of.
func parse(c *vm.Call, key vm.Ref) *parsedKey {
	content := keyContent(c, key)
	if known, ok := c.Volatile(key).(*parsedKey); ok && bytes.Equal(known.made, content) {
		return known
	}
	if !isInitialized(c, key) {
		throwCrypto(c, cryptoUninitialized)
	}
	f, bits := familyOf(c, key), int(c.Field(key, keyBits))
	of := func() string { return fmt.Sprintf("key %p %d %s", f, bits, content) }
	result := c.Remembered(of, func() any {
		made := append([]byte(nil), content...)
		value, err := f.parse(bits, splitKey(f, bits, made))
		if err != nil {
			return nil
		}
		return &parsedKey{made, value}
	})
	fresh, ok := result.(*parsedKey)
	if !ok {
		throwCrypto(c, cryptoIllegalValue)
	}
	c.SetVolatile(key, fresh)
	return fresh
}

// usableKey checks a key given to init: accessible, of one of the families, and
// initialized (ILLEGAL_VALUE, UNINITIALIZED_KEY).
func usableKey(c *vm.Call, key vm.Ref, allowed ...*family) *family {
	c.NotNull(key)
	c.CheckAccess(key)
	f := familyOf(c, key)
	for _, a := range allowed {
		if f == a {
			if !isInitialized(c, key) {
				throwCrypto(c, cryptoUninitialized)
			}
			return f
		}
	}
	throwCrypto(c, cryptoIllegalValue)
	return nil
}
