package api

import "ekrona/emulator/vm"

// keyKind is what a TYPE_... constant of KeyBuilder stands for.
type keyKind struct {
	family *family
	memory vm.Storage
}

// keyTypes lists the key types offered, by the constants of KeyBuilder.
var keyTypes = map[int8]keyKind{
	1: {desFamily, vm.ClearOnReset}, 2: {desFamily, vm.ClearOnDeselect}, 3: {desFamily, vm.Persistent},
	4: {rsaPublicFamily, vm.Persistent},
	5: {rsaPrivateFamily, vm.Persistent}, 22: {rsaPrivateFamily, vm.ClearOnReset}, 23: {rsaPrivateFamily, vm.ClearOnDeselect},
	6: {rsaCRTFamily, vm.Persistent}, 24: {rsaCRTFamily, vm.ClearOnReset}, 25: {rsaCRTFamily, vm.ClearOnDeselect},
	11: {ecPublicFamily, vm.Persistent},
	12: {ecPrivateFamily, vm.Persistent}, 30: {ecPrivateFamily, vm.ClearOnReset}, 31: {ecPrivateFamily, vm.ClearOnDeselect},
	13: {aesFamily, vm.ClearOnReset}, 14: {aesFamily, vm.ClearOnDeselect}, 15: {aesFamily, vm.Persistent},
	19: {hmacFamily, vm.ClearOnReset}, 20: {hmacFamily, vm.ClearOnDeselect}, 21: {hmacFamily, vm.Persistent},
}

// algorithmicTypes are the ALG_TYPE_... constants of KeyBuilder.
var algorithmicTypes = map[int8]*family{
	1: desFamily, 2: aesFamily, 7: ecPublicFamily, 8: ecPrivateFamily, 9: hmacFamily,
	11: rsaPublicFamily, 12: rsaPrivateFamily, 13: rsaCRTFamily,
}

// allows tells whether a key of this length in bits is offered.
func (f *family) allows(bits int) bool {
	switch f {
	case desFamily:
		return bits == 64 || bits == 128 || bits == 192
	case aesFamily:
		return bits == 128 || bits == 192 || bits == 256
	case hmacFamily:
		return bits > 0 && bits <= 8*hmacKeyBytes
	case ecPublicFamily, ecPrivateFamily:
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
func keyBuilderNatives() map[string]vm.Native {
	return bind("javacard/security/KeyBuilder", map[string]vm.Native{
		"buildKey(BSZ)Ljavacard/security/Key;": func(c *vm.Call) vm.Value {
			return buildKey(c, c.Byte(0), int(c.Short(1)), c.Bool(2))
		},
		"buildKey(BBSZ)Ljavacard/security/Key;": func(c *vm.Call) vm.Value {
			wanted := keyKind{algorithmicTypes[c.Byte(0)], vm.Storage(c.Byte(1))}
			for code := int8(1); code <= 37; code++ {
				if kind, known := keyTypes[code]; known && kind == wanted {
					return buildKey(c, code, int(c.Short(2)), c.Bool(3))
				}
			}
			throwCrypto(c, cryptoNoSuchAlgorithm)
			return vm.Void
		},
	})
}

// buildKey makes a key of a TYPE_... code with no component set.
func buildKey(c *vm.Call, code int8, bits int, encryption bool) vm.Value {
	kind, known := keyTypes[code]
	if !known || !kind.family.allows(bits) || encryption {
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
