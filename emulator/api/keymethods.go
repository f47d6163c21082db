package api

import (
	"encoding/binary"
	"slices"

	"ekrona.example/emulator/vm"
)

// keyClasses describes the classes behind the key interfaces: their methods are
// those that the table lists for the interface.
func keyClasses(listed []vm.NativeClass) []vm.NativeClass {
	key := hiddenClass(listed, keyClass, objectClass, "javacard/security/Key")
	key.Interfaces = nil // the subclasses implement it
	classes := []vm.NativeClass{key}
	for _, f := range families {
		class := hiddenClass(listed, f.class(), keyClass, "javacard/security/"+f.name)
		class.Interfaces = append(class.Interfaces, "javacard/security/Key")
		classes = append(classes, class)
	}
	return classes
}

// hiddenClass describes the class behind an interface of the same package, with the
// methods that the table lists for the interface.
func hiddenClass(listed []vm.NativeClass, name, super, of string) vm.NativeClass {
	class := vm.NativeClass{Name: name, Token: vm.NoToken, Super: super, Interfaces: []string{of}}
	for _, l := range listed {
		if l.Name != of {
			continue
		}
		for _, m := range l.Methods {
			class.Methods = append(class.Methods,
				vm.NativeMethod{Name: m.Name, Descriptor: m.Descriptor, Token: vm.NoToken})
		}
	}
	return class
}

// keyNatives are the functions of the key objects.
func keyNatives() map[string]vm.Native {
	all := bind(keyClass, map[string]vm.Native{
		"clearKey()V": func(c *vm.Call) vm.Value {
			data := c.Field(c.This(), keyData).Ref()
			c.PutBytes(data, 0, make([]byte, c.Length(data)))
			return vm.Void
		},
		"getSize()S": func(c *vm.Call) vm.Value { return c.Field(c.This(), keyBits) },
		"getType()B": func(c *vm.Call) vm.Value {
			if familyOf(c, c.This()) == ecParameterFamily {
				return algECParameters
			}
			return c.Field(c.This(), keyType)
		},
		"isInitialized()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(isInitialized(c,
				c.This()))
		},
	})
	add := func(f *family, methods map[string]vm.Native) {
		for name, function := range bind(f.class(), methods) {
			all[name] = function
		}
	}
	for _, f := range []*family{desFamily, aesFamily} {
		add(f, map[string]vm.Native{
			"setKey([BS)V": func(c *vm.Call) vm.Value {
				return setFrom(c, secretValue, int(c.Field(c.This(), keyBits))/8)
			},
			"getKey([BS)B": getter(secretValue),
		})
	}
	add(hmacFamily, map[string]vm.Native{"setKey([BSS)V": setter(secretValue),
		"getKey([BS)B": getter(secretValue)})
	for _, f := range []*family{rsaPublicFamily, rsaPrivateFamily} {
		add(f, map[string]vm.Native{
			"setModulus([BSS)V": setter(rsaModulus), "getModulus([BS)S": getter(rsaModulus),
			"setExponent([BSS)V": setter(rsaExponent), "getExponent([BS)S": getter(rsaExponent),
		})
	}
	add(rsaCRTFamily, map[string]vm.Native{
		"setP([BSS)V": setter(crtP), "getP([BS)S": getter(crtP),
		"setQ([BSS)V": setter(crtQ), "getQ([BS)S": getter(crtQ),
		"setPQ([BSS)V": setter(crtPQ), "getPQ([BS)S": getter(crtPQ),
		"setDP1([BSS)V": setter(crtDP1), "getDP1([BS)S": getter(crtDP1),
		"setDQ1([BSS)V": setter(crtDQ1), "getDQ1([BS)S": getter(crtDQ1),
	})
	for _, f := range []*family{ecPublicFamily, ecPrivateFamily, ecParameterFamily} {
		add(f, map[string]vm.Native{
			"setFieldFP([BSS)V": setter(ecField), "getField([BS)S": getter(ecField),
			"setA([BSS)V": setter(ecA), "getA([BS)S": getter(ecA),
			"setB([BSS)V": setter(ecB), "getB([BS)S": getter(ecB),
			"setG([BSS)V": setter(ecG), "getG([BS)S": getter(ecG),
			"setR([BSS)V": setter(ecR), "getR([BS)S": getter(ecR),
			"setK(S)V": func(c *vm.Call) vm.Value {
				setComponent(c, c.This(), ecK,
					binary.BigEndian.AppendUint16(nil, uint16(c.Short(0))))
				return vm.Void
			},
			"getK()S": func(c *vm.Call) vm.Value {
				k := component(c, c.This(), ecK)
				if k == nil {
					throwCrypto(c, cryptoUninitialized)
				}
				return vm.ShortValue(int16(binary.BigEndian.Uint16(k)))
			},
			"setFieldF2M(S)V":   wrongField,
			"setFieldF2M(SSS)V": wrongField,
			"copyDomainParametersFrom(Ljavacard/security/ECKey;)V": copyDomain,
		})
	}
	add(ecPublicFamily, map[string]vm.Native{"setW([BSS)V": setPoint,
		"getW([BS)S": getter(ecValue)})
	add(ecPrivateFamily,
		map[string]vm.Native{"setS([BSS)V": setter(ecValue), "getS([BS)S": getter(ecValue)})
	return all
}

// setter is a method (data, offset, length) that sets a component.
func setter(index int) vm.Native {
	return func(c *vm.Call) vm.Value { return setFrom(c, index, int(c.Short(2))) }
}

// setFrom sets a component to n bytes of argument 0 from the offset in argument 1.
func setFrom(c *vm.Call, index, n int) vm.Value {
	value := c.Bytes(c.Ref(0), int(c.Short(1)), n)
	count(c, KindSetKey, n)
	setComponent(c, c.This(), index, value)
	return vm.Void
}

// setPoint sets the point of a public key, which must lie on its curve when that is set: nothing
// later tells an applet that a key is none.
func setPoint(c *vm.Call) vm.Value {
	key, n := c.This(), int(c.Short(2))
	bits, f := int(c.Field(key, keyBits)), familyOf(c, key)
	parts := splitKey(f, bits, append([]byte(nil), keyContent(c, key)...))
	parts[ecValue] = append([]byte(nil), c.Bytes(c.Ref(0), int(c.Short(1)), n)...)
	if !slices.ContainsFunc(parts[:ecK], func(part []byte) bool { return part == nil }) {
		if _, err := f.parse(bits, parts); err != nil {
			throwCrypto(c, cryptoIllegalValue)
		}
	}
	return setFrom(c, ecValue, n)
}

// getter is a method (buffer, offset) that copies a component and returns its length.
func getter(index int) vm.Native {
	return func(c *vm.Call) vm.Value {
		value := component(c, c.This(), index)
		if value == nil {
			throwCrypto(c, cryptoUninitialized)
		}
		c.PutBytes(c.Ref(0), int(c.Short(1)), append([]byte(nil), value...))
		return vm.ShortValue(int16(len(value)))
	}
}

// wrongField answers to parameters over F(2^m) for a key over F(p).
func wrongField(c *vm.Call) vm.Value {
	throwCrypto(c, cryptoNoSuchAlgorithm)
	return vm.Void
}

// copyDomain takes the parameters of the curve from another key of the same size.
func copyDomain(c *vm.Call) vm.Value {
	from := c.Ref(0)
	c.NotNull(from)
	c.CheckAccess(from)
	if f := familyOf(c, from); !f.isEC() || c.Field(from, keyBits) != c.Field(c.This(), keyBits) {
		throwCrypto(c, cryptoIllegalValue)
	}
	for i := range ecDomainComponents {
		if part := component(c, from, i); part != nil {
			setComponent(c, c.This(), i, part)
		}
	}
	return vm.Void
}
