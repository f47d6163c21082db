package api

import (
	"encoding/binary"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

const checksumClass = "javacard/security/Checksum"

// Algorithms of Checksum.
const (
	checksum16 = 1
	checksum32 = 2
)

// checksumNatives are the functions of javacard.security.Checksum. The register of a
// message in progress, a uint32, is volatile; it starts at 0 unless init set it.
func checksumNatives() map[string]vm.Native {
	return bind(checksumClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance(BZ)Ljavacard/security/Checksum;": func(c *vm.Call) vm.Value {
			if c.Byte(0) != checksum16 && c.Byte(0) != checksum32 {
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			return newEngine(c, checksumClass, vm.Value(c.Byte(0)))
		},
		"getAlgorithm()B": algorithmOf,
		"init([BSS)V": func(c *vm.Call) vm.Value {
			initial := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
			if len(initial) != checksumLength(c) {
				throwCrypto(c, cryptoIllegalValue)
			}
			var padded [4]byte
			copy(padded[4-len(initial):], initial)
			c.SetVolatile(c.This(), binary.BigEndian.Uint32(padded[:]))
			return vm.Void
		},
		"update([BSS)V": func(c *vm.Call) vm.Value {
			c.SetVolatile(c.This(), feedChecksum(c))
			return vm.Void
		},
		"doFinal([BSS[BS)S": func(c *vm.Call) vm.Value {
			n := checksumLength(c)
			c.Bytes(c.Ref(3), int(c.Short(4)), n)
			var sum [4]byte
			binary.BigEndian.PutUint32(sum[:], ^feedChecksum(c))
			c.SetVolatile(c.This(), nil)
			c.PutBytes(c.Ref(3), int(c.Short(4)), sum[4-n:])
			return vm.ShortValue(int16(n))
		},
	})
}

func checksumLength(c *vm.Call) int {
	if algorithmOf(c) == checksum16 {
		return 2
	}
	return 4
}

// feedChecksum returns the register after the bytes that arguments 0 to 2 name.
func feedChecksum(c *vm.Call) uint32 {
	register, _ := c.Volatile(c.This()).(uint32)
	data := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
	count(c, KindChecksum, len(data))
	if algorithmOf(c) == checksum16 {
		return uint32(engine.CRC16(uint16(register), data))
	}
	return engine.CRC32(register, data)
}
