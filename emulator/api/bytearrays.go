package api

import (
	"bytes"

	"ekrona.example/emulator/vm"
)

// utilNatives are the functions of javacard.framework.Util.
func utilNatives() map[string]vm.Native {
	return bind("javacard/framework/Util", map[string]vm.Native{
		"arrayCopy([BS[BSS)S":          func(c *vm.Call) vm.Value { return copyArray(c, true) },
		"arrayCopyNonAtomic([BS[BSS)S": func(c *vm.Call) vm.Value { return copyArray(c, false) },
		"arrayFill([BSSB)S":            func(c *vm.Call) vm.Value { return fillArray(c, true) },
		"arrayFillNonAtomic([BSSB)S":   func(c *vm.Call) vm.Value { return fillArray(c, false) },
		"arrayCompare([BS[BSS)B":       compareArrays,
		"makeShort(BB)S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(c.Short(0)<<8 | c.Short(1)&0xFF)
		},
		"getShort([BS)S": func(c *vm.Call) vm.Value {
			b := c.Bytes(c.Ref(0), int(c.Short(1)), 2)
			return vm.ShortValue(int16(b[0])<<8 | int16(b[1]))
		},
		"setShort([BSS)S": func(c *vm.Call) vm.Value {
			value := c.Short(2)
			c.PutBytes(c.Ref(0), int(c.Short(1)), []byte{byte(value >> 8), byte(value)})
			return vm.ShortValue(c.Short(1) + 2)
		},
	})
}

func copyArray(c *vm.Call, atomic bool) vm.Value {
	if !atomic {
		refuseNonAtomic(c, c.Ref(2))
	}
	c.CopyBytes(c.Ref(0), int(c.Short(1)), c.Ref(2), int(c.Short(3)), int(c.Short(4)), atomic)
	return vm.ShortValue(c.Short(3) + c.Short(4))
}

func fillArray(c *vm.Call, atomic bool) vm.Value {
	array, off, n := c.Ref(0), int(c.Short(1)), int(c.Short(2))
	c.Bytes(array, off, n)
	if !atomic {
		refuseNonAtomic(c, array)
	}
	value := byte(c.Byte(3))
	switch {
	case n == 0:
	case c.StorageOf(array) != vm.Persistent:
		var piece [64]byte // RAM counts no writes, so that pieces will do
		for i := range piece {
			piece[i] = value
		}
		for ; n > 0; n, off = n-len(piece), off+len(piece) {
			c.PutBytes(array, off, piece[:min(n, len(piece))])
		}
	case atomic:
		c.PutBytes(array, off, bytes.Repeat([]byte{value}, n))
	default:
		c.PutBytesNonAtomic(array, off, bytes.Repeat([]byte{value}, n))
	}
	return vm.ShortValue(c.Short(1) + c.Short(2))
}

func compareArrays(c *vm.Call) vm.Value {
	n := int(c.Short(4))
	return vm.Value(bytes.Compare(c.Bytes(c.Ref(0), int(c.Short(1)), n),
		c.Bytes(c.Ref(2), int(c.Short(3)), n)))
}

// intNatives are the functions of javacardx.framework.util.intx.JCint.
func intNatives() map[string]vm.Native {
	return bind("javacardx/framework/util/intx/JCint", map[string]vm.Native{
		"makeInt(BBBB)I": func(c *vm.Call) vm.Value {
			high, low := c.Short(0)<<8|c.Short(1)&0xFF, c.Short(2)<<8|c.Short(3)&0xFF
			return vm.IntValue(int32(high)<<16 | int32(uint16(low)))
		},
		"makeInt(SS)I": func(c *vm.Call) vm.Value {
			return vm.IntValue(int32(c.Short(0))<<16 | int32(uint16(c.Short(1))))
		},
		"getInt([BS)I": func(c *vm.Call) vm.Value {
			b := c.Bytes(c.Ref(0), int(c.Short(1)), 4)
			return vm.IntValue(int32(b[0])<<24 | int32(b[1])<<16 | int32(b[2])<<8 | int32(b[3]))
		},
		"setInt([BSI)S": func(c *vm.Call) vm.Value {
			value := c.Int(2)
			c.PutBytes(c.Ref(0), int(c.Short(1)),
				[]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)})
			return vm.ShortValue(c.Short(1) + 4)
		},
		"makeTransientIntArray(SB)[I": func(c *vm.Call) vm.Value {
			return makeTransient(c,
				vm.IntArray)
		},
	})
}
