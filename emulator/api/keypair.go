package api

import (
	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

// Hidden fields of KeyPair.
const (
	pairAlgorithm = iota
	pairPublic
	pairPrivate
)

// Algorithms of KeyPair.
const (
	pairRSA    = 1
	pairRSACRT = 2
	pairEC     = 5
)

// Types of the keys that a KeyPair makes, of KeyBuilder.
const (
	typeRSAPublic  = 4
	typeRSAPrivate = 5
	typeRSACRT     = 6
	typeECPublic   = 11
	typeECPrivate  = 12
)

// defaultExponent is the public exponent of RSA unless the applet set one.
var defaultExponent = []byte{1, 0, 1}

// keyPairNatives are the functions of javacard.security.KeyPair.
func keyPairNatives(product *Product) map[string]vm.Native {
	return bind("javacard/security/KeyPair", map[string]vm.Native{
		"<init>(BS)V": func(c *vm.Call) vm.Value {
			public, private := int8(0), int8(0)
			switch c.Byte(0) {
			case pairRSA:
				public, private = typeRSAPublic, typeRSAPrivate
			case pairRSACRT:
				public, private = typeRSAPublic, typeRSACRT
			case pairEC:
				public, private = typeECPublic, typeECPrivate
			default:
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			bits := int(c.Short(1))
			if product.lacks(OfKeyPair, int(c.Byte(0)), bits) {
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			c.SetField(c.This(), pairAlgorithm, vm.Value(c.Byte(0)))
			c.SetField(c.This(), pairPublic, buildKey(c, product, public, bits, false))
			c.SetField(c.This(), pairPrivate, buildKey(c, product, private, bits, false))
			return vm.Void
		},
		"<init>(Ljavacard/security/PublicKey;Ljavacard/security/PrivateKey;)V": joinPair,
		"getPublic()Ljavacard/security/PublicKey;": func(c *vm.Call) vm.Value {
			return c.Field(c.This(), pairPublic)
		},
		"getPrivate()Ljavacard/security/PrivateKey;": func(c *vm.Call) vm.Value {
			return c.Field(c.This(), pairPrivate)
		},
		"genKeyPair()V": generatePair,
	})
}

// joinPair makes a pair of two keys that belong together by kind and length.
func joinPair(c *vm.Call) vm.Value {
	public, private := c.Ref(0), c.Ref(1)
	for _, key := range []vm.Ref{public, private} {
		c.NotNull(key)
		c.CheckAccess(key)
	}
	algorithm := int8(0)
	switch p, s := familyOf(c, public), familyOf(c, private); {
	case p == rsaPublicFamily && s == rsaPrivateFamily:
		algorithm = pairRSA
	case p == rsaPublicFamily && s == rsaCRTFamily:
		algorithm = pairRSACRT
	case p == ecPublicFamily && s == ecPrivateFamily:
		algorithm = pairEC
	}
	if algorithm == 0 || c.Field(public, keyBits) != c.Field(private, keyBits) {
		throwCrypto(c, cryptoIllegalValue)
	}
	c.SetField(c.This(), pairAlgorithm, vm.Value(algorithm))
	c.SetField(c.This(), pairPublic, vm.RefValue(public))
	c.SetField(c.This(), pairPrivate, vm.RefValue(private))
	return vm.Void
}

func generatePair(c *vm.Call) vm.Value {
	public, private := c.Field(c.This(), pairPublic).Ref(), c.Field(c.This(), pairPrivate).Ref()
	if c.Field(c.This(), pairAlgorithm) == pairEC {
		generateEC(c, public, private)
	} else {
		generateRSA(c, public, private)
	}
	return vm.Void
}

// generateEC makes a key on the curve that the applet put into the public key, or else
// into the private one. Without parameters it throws ILLEGAL_VALUE: the API allows a
// card a default curve, and many have none.
func generateEC(c *vm.Call, public, private vm.Ref) {
	bits := int(c.Field(public, keyBits))
	domain := public
	if component(c, public, ecField) == nil {
		domain = private
	}
	parts := splitKey(familyOf(c, domain), bits, append([]byte(nil), keyContent(c, domain)...))
	for i, part := range parts[:ecDomainComponents] {
		if part == nil && i != ecK {
			throwCrypto(c, cryptoIllegalValue)
		}
	}
	c.Work(workOf(KindECKeyPair, bits))
	curve, err := parseCurve(bits, parts)
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	scalar, err := curve.GenerateScalar(c.Random())
	if err != nil {
		c.Fault(err.Error())
	}
	key, err := curve.NewPrivateKey(scalar)
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	point, err := key.PublicPoint()
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	c.CountCrypto(KindECKeyPair, bits)
	for _, target := range []vm.Ref{public, private} {
		for i, part := range parts[:ecDomainComponents] {
			if part != nil && component(c, target, i) == nil {
				setComponent(c, target, i, part)
			}
		}
	}
	setComponent(c, private, ecValue, scalar)
	setComponent(c, public, ecValue, point)
}

func generateRSA(c *vm.Call, public, private vm.Ref) {
	bits := int(c.Field(public, keyBits))
	exponent := append([]byte(nil), component(c, public, rsaExponent)...)
	if len(exponent) == 0 {
		exponent = defaultExponent
	}
	c.Work(workOf(KindRSAKeyPair, bits))
	pair, err := engine.GenerateRSA(c.Random(), bits, exponent)
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	c.CountCrypto(KindRSAKeyPair, bits)
	setComponent(c, public, rsaModulus, pair.Modulus)
	setComponent(c, public, rsaExponent, pair.PublicExponent)
	if familyOf(c, private) == rsaPrivateFamily {
		setComponent(c, private, rsaModulus, pair.Modulus)
		setComponent(c, private, rsaExponent, pair.PrivateExponent)
		return
	}
	setComponent(c, private, crtP, pair.P)
	setComponent(c, private, crtQ, pair.Q)
	setComponent(c, private, crtPQ, pair.Inverse)
	setComponent(c, private, crtDP1, pair.DP)
	setComponent(c, private, crtDQ1, pair.DQ)
}
