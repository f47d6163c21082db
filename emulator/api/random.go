package api

import (
	"ekrona.example/apdu/entropy"
	"ekrona.example/emulator/vm"
)

const randomClass = "javacard/security/RandomData"

// Algorithms of RandomData offered: pseudo, secure, true random, a DRBG that is seeded
// already, fast and for keys. All of them draw from the card's one source.
var randomAlgorithms = map[int8]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true}

// randomNatives are the functions of javacard.security.RandomData. A seed given by
// the applet adds nothing to the card's source and is only checked.
func randomNatives(product *Product) map[string]vm.Native {
	return bind(randomClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance(B)Ljavacard/security/RandomData;": func(c *vm.Call) vm.Value {
			return newEngine(c, randomClass, vm.Value(offeredRandom(c, product)))
		},
		"getAlgorithm()B": algorithmOf,
		"setSeed([BSS)V": func(c *vm.Call) vm.Value {
			c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
			return vm.Void
		},
		"generateData([BSS)V": func(c *vm.Call) vm.Value {
			fillRandom(c)
			return vm.Void
		},
		"nextBytes([BSS)S": func(c *vm.Call) vm.Value {
			fillRandom(c)
			return vm.ShortValue(c.Short(1) + c.Short(2))
		},
	})
}

// offeredRandom returns the algorithm in argument 0 if the card has it.
func offeredRandom(c *vm.Call, product *Product) int8 {
	algorithm := c.Byte(0)
	if !randomAlgorithms[algorithm] || product.lacks(OfRandom, int(algorithm)) {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	return algorithm
}

// fillRandom fills the bytes that arguments 0 to 2 name.
func fillRandom(c *vm.Call) {
	n := int(c.Short(2))
	c.Bytes(c.Ref(0), int(c.Short(1)), n)
	if n == 0 {
		throwCrypto(c, cryptoIllegalValue)
	}
	drawn := make([]byte, n)
	if err := entropy.Fill(c.Random(), drawn); err != nil {
		c.Fault(err.Error())
	}
	count(c, KindRandom, n)
	c.PutBytes(c.Ref(0), int(c.Short(1)), drawn)
}
