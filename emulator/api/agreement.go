package api

import (
	"crypto/sha1"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

const agreementClass = "javacard/security/KeyAgreement"

// Hidden field of KeyAgreement after the algorithm.
const agreementKey = 1

// Algorithms of KeyAgreement offered.
const (
	agreementDH      = 1
	agreementDHC     = 2
	agreementPlain   = 3
	agreementCPlain  = 4
	agreementPACEGM  = 5
	agreementPlainXY = 6
)

// agreementNatives are the functions of javacard.security.KeyAgreement.
func agreementNatives(product *Product) map[string]vm.Native {
	return bind(agreementClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance(BZ)Ljavacard/security/KeyAgreement;": func(c *vm.Call) vm.Value {
			switch c.Byte(0) {
			case agreementDH, agreementDHC, agreementPlain, agreementCPlain, agreementPACEGM,
				agreementPlainXY:
			default:
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			if product.lacks(OfAgreement, int(c.Byte(0))) {
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			return newEngine(c, agreementClass, vm.Value(c.Byte(0)))
		},
		"getAlgorithm()B": algorithmOf,
		"init(Ljavacard/security/PrivateKey;)V": func(c *vm.Call) vm.Value {
			key := c.Ref(0)
			usableKey(c, key, ecPrivateFamily)
			count(c, KindAgreementInit, int(c.Field(key, keyBits)))
			if c.Field(c.This(), agreementKey).Ref() != key {
				c.SetFieldOutside(c.This(), agreementKey, vm.RefValue(key))
			}
			return vm.Void
		},
		"generateSecret([BSS[BS)S": generateSecret,
	})
}

func generateSecret(c *vm.Call) vm.Value {
	key := c.Field(c.This(), agreementKey).Ref()
	if key == 0 {
		throwCrypto(c, cryptoInvalidInit)
	}
	public := append([]byte(nil), c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))...)
	private, isEC := parsed(c, key).(*engine.ECPrivateKey)
	if !isEC {
		throwCrypto(c, cryptoInvalidInit)
	}
	count(c, KindAgreement, int(c.Field(key, keyBits)))
	var secret []byte
	var err error
	algorithm := algorithmOf(c)
	switch algorithm {
	case agreementPlainXY:
		secret, err = private.SharedPoint(public)
	case agreementPACEGM:
		secret, err = private.MappedPoint(public)
	case agreementDHC, agreementCPlain:
		secret, err = private.SharedXWithCofactor(public)
	default:
		secret, err = private.SharedX(public)
	}
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	if algorithm == agreementDH || algorithm == agreementDHC { // KDF1 of IEEE 1363: one SHA-1
		sum := sha1.Sum(secret)
		secret = sum[:]
	}
	c.PutBytes(c.Ref(3), int(c.Short(4)), secret)
	return vm.ShortValue(int16(len(secret)))
}
