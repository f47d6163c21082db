package api

import "ekrona.example/emulator/vm"

// keyKind is what a TYPE_... constant of KeyBuilder stands for.
type keyKind struct {
	family *family
	memory vm.Storage
}

// keyTypes lists the key types offered, by the constants of KeyBuilder.
var keyTypes = map[int8]keyKind{
	1: {desFamily, vm.ClearOnReset}, 2: {desFamily, vm.ClearOnDeselect},
	3: {desFamily, vm.Persistent},
	4: {rsaPublicFamily, vm.Persistent},
	5: {rsaPrivateFamily, vm.Persistent}, 22: {rsaPrivateFamily, vm.ClearOnReset},
	23: {rsaPrivateFamily, vm.ClearOnDeselect},
	6:  {rsaCRTFamily, vm.Persistent}, 24: {rsaCRTFamily, vm.ClearOnReset},
	25: {rsaCRTFamily, vm.ClearOnDeselect},
	11: {ecPublicFamily, vm.Persistent},
	12: {ecPrivateFamily, vm.Persistent}, 30: {ecPrivateFamily, vm.ClearOnReset},
	31: {ecPrivateFamily, vm.ClearOnDeselect},
	13: {aesFamily, vm.ClearOnReset}, 14: {aesFamily, vm.ClearOnDeselect},
	15: {aesFamily, vm.Persistent},
	19: {hmacFamily, vm.ClearOnReset}, 20: {hmacFamily, vm.ClearOnDeselect},
	21: {hmacFamily, vm.Persistent},
}

// parameterTypes are the keys that hold the parameters of a curve and no value
// (ALG_TYPE_EC_FP_PARAMETERS). The API has no TYPE_... constant for them; the numbers
// are used in key objects only.
var parameterTypes = map[int8]keyKind{
	101: {ecParameterFamily, vm.Persistent}, 102: {ecParameterFamily, vm.ClearOnReset},
	103: {ecParameterFamily, vm.ClearOnDeselect},
}

// algECParameters is ALG_TYPE_EC_FP_PARAMETERS, and what getType returns for such a
// key.
const algECParameters = 17

// kindOf returns what the type in a key object stands for.
func kindOf(code int8) (keyKind, bool) {
	kind, known := keyTypes[code]
	if !known {
		kind, known = parameterTypes[code]
	}
	return kind, known
}

// algorithmicTypes are the ALG_TYPE_... constants of KeyBuilder.
var algorithmicTypes = map[int8]*family{
	1: desFamily, 2: aesFamily, 7: ecPublicFamily, 8: ecPrivateFamily, 9: hmacFamily,
	11: rsaPublicFamily, 12: rsaPrivateFamily, 13: rsaCRTFamily, algECParameters: ecParameterFamily,
}

// allows reports whether a key of this length in bits is offered.
func (f *family) allows(bits int) bool {
	switch f {
	case desFamily:
		return bits == 64 || bits == 128 || bits == 192
	case aesFamily:
		return bits == 128 || bits == 192 || bits == 256
	case hmacFamily:
		return bits > 0 && bits <= 8*hmacKeyBytes
	case ecPublicFamily, ecPrivateFamily, ecParameterFamily:
		switch bits {
		case 112, 128, 160, 192, 224, 256, 320, 384, 512, 521:
			return true
		}
		return false
	default:
		return bits >= 512 && bits <= 4096 && bits%32 == 0
	}
}

// keyBuilderNatives are the functions of javacard.security.KeyBuilder. Keys whose
// setters decipher with a key cipher (KeyEncryption) are not offered: asking for one
// is NO_SUCH_ALGORITHM.
func keyBuilderNatives(product *Product) map[string]vm.Native {
	return bind("javacard/security/KeyBuilder", map[string]vm.Native{
		"buildKey(BSZ)Ljavacard/security/Key;": func(c *vm.Call) vm.Value {
			if _, listed := keyTypes[c.Byte(0)]; !listed {
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			return buildKey(c, product, c.Byte(0), int(c.Short(1)), c.Bool(2))
		},
		"buildKey(BBSZ)Ljavacard/security/Key;": func(c *vm.Call) vm.Value {
			return buildKey(c, product, typeOfKey(c), int(c.Short(2)), c.Bool(3))
		},
		"buildKeyWithSharedDomain(BBLjavacard/security/Key;Z)Ljavacard/security/Key;": func(c *vm.Call) vm.Value {
			return shareDomain(c, product)
		},
	})
}

// typeOfKey returns the TYPE_... code of the ALG_TYPE_... in argument 0 and the memory
// in argument 1.
func typeOfKey(c *vm.Call) int8 {
	wanted := keyKind{algorithmicTypes[c.Byte(0)], vm.Storage(c.Byte(1))}
	for code := int8(1); code > 0; code++ {
		if kind, known := kindOf(code); known && kind == wanted {
			return code
		}
	}
	throwCrypto(c, cryptoNoSuchAlgorithm)
	return 0
}

// shareDomain makes a key on the curve of another one, which must have all parameters.
// They are copied: the API forbids changing them in a key that shares them, so that no
// applet can notice.
func shareDomain(c *vm.Call, product *Product) vm.Value {
	domain := c.Ref(2)
	c.NotNull(domain)
	c.CheckAccess(domain)
	if f := familyOf(c, domain); !f.isEC() {
		throwCrypto(c, cryptoIllegalValue)
	}
	code := typeOfKey(c)
	if kind, _ := kindOf(code); !kind.family.isEC() {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	for i := range ecDomainComponents {
		if i != ecK && component(c, domain, i) == nil {
			throwCrypto(c, cryptoIllegalValue)
		}
	}
	key := buildKey(c, product, code, int(c.Field(domain, keyBits)), c.Bool(3))
	for i := range ecDomainComponents {
		if part := component(c, domain, i); part != nil {
			setComponent(c, key.Ref(), i, append([]byte(nil), part...))
		}
	}
	return key
}

// buildKey makes a key of a TYPE_... code with no component set.
func buildKey(c *vm.Call, product *Product, code int8, bits int, encryption bool) vm.Value {
	kind, known := kindOf(code)
	if !known || !kind.family.allows(bits) || encryption || product.lacks(OfKey, int(code), bits) {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	size := 0
	for _, n := range kind.family.components(bits) {
		size += lengthPrefix + n
	}
	key := c.NewObject(kind.family.class())
	c.SetField(key, keyType, vm.Value(code))
	c.SetField(key, keyBits, vm.Value(bits))
	c.SetField(key, keyData, vm.RefValue(c.NewByteArray(size, kind.memory)))
	return vm.RefValue(key)
}
