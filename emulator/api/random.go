package api

import (
	"io"

	"ekrona/emulator/vm"
)

const randomClass = "javacard/security/RandomData"

// Algorithms of RandomData offered: pseudo, secure, true random, fast and for keys.
// They all draw from the card's one source; DRBGs that the applet seeds alone are not
// offered.
var randomAlgorithms = map[int8]bool{1: true, 2: true, 3: true, 5: true, 6: true}

// randomNatives are the functions of javacard.security.RandomData. A seed given by
// the applet adds nothing to the card's source and is only checked.
func randomNatives() map[string]vm.Native {
	return bind(randomClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance(B)Ljavacard/security/RandomData;": func(c *vm.Call) vm.Value {
			if !randomAlgorithms[c.Byte(0)] {
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			return newEngine(c, randomClass, vm.Value(c.Byte(0)))
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

// fillRandom fills the bytes that arguments 0 to 2 name.
func fillRandom(c *vm.Call) {
	n := int(c.Short(2))
	c.Bytes(c.Ref(0), int(c.Short(1)), n)
	if n == 0 {
		throwCrypto(c, cryptoIllegalValue)
	}
	drawn := make([]byte, n)
	if _, err := io.ReadFull(c.Random(), drawn); err != nil {
		c.Fault("the source of randomness failed: " + err.Error())
	}
	c.CountCrypto(KindRandom, n)
	c.PutBytes(c.Ref(0), int(c.Short(1)), drawn)
}
