package api

import "ekrona.example/emulator/vm"

const (
	utilException  = "javacardx/framework/util/UtilException"
	utilIllegal    = 1
	utilMismatched = 2
)

// arrayLogicNatives are the functions of javacardx.framework.util.ArrayLogic.
func arrayLogicNatives() map[string]vm.Native {
	return bind("javacardx/framework/util/ArrayLogic", map[string]vm.Native{
		"arrayCopyRepack(Ljava/lang/Object;SSLjava/lang/Object;S)S": func(c *vm.Call) vm.Value {
			return repack(c, true)
		},
		"arrayCopyRepackNonAtomic(Ljava/lang/Object;SSLjava/lang/Object;S)S": func(c *vm.Call) vm.Value {
			return repack(c, false)
		},
		"arrayFillGeneric(Ljava/lang/Object;SSLjava/lang/Object;S)S": func(c *vm.Call) vm.Value {
			return fillGeneric(c, true)
		},
		"arrayFillGenericNonAtomic(Ljava/lang/Object;SSLjava/lang/Object;S)S": func(c *vm.Call) vm.Value {
			return fillGeneric(c, false)
		},
		"arrayCompareGeneric(Ljava/lang/Object;SLjava/lang/Object;SS)B": compareGeneric,
		"arrayFindGeneric(Ljava/lang/Object;S[BS)S":                     findGeneric,
	})
}

// elementSize returns the bytes of an element of an array of numbers; others are
// ILLEGAL_VALUE.
func elementSize(c *vm.Call, array vm.Ref) int {
	switch c.KindOf(array) {
	case vm.ByteArray:
		return 1
	case vm.ShortArray:
		return 2
	case vm.IntArray:
		return 4
	}
	c.Throw(utilException, utilIllegal)
	return 0
}

// checkRange throws ArrayIndexOutOfBoundsException unless n elements from off exist.
func checkRange(c *vm.Call, array vm.Ref, off, n int) {
	if off < 0 || n < 0 || off+n > c.Length(array) {
		c.Throw(arrayIndexException, 0)
	}
}

// packed returns n elements of an array, each as its bytes, high byte first.
func packed(c *vm.Call, array vm.Ref, off, n int) []byte {
	size := elementSize(c, array)
	checkRange(c, array, off, n)
	if size == 1 {
		return append([]byte(nil), c.Bytes(array, off, n)...)
	}
	out := make([]byte, 0, n*size)
	for i := range n {
		value := c.Element(array, off+i).Int()
		for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
			out = append(out, byte(value>>shift))
		}
	}
	return out
}

// putPacked writes elements that packed gave: one write of a byte array; of others, in a
// transaction if atomic asks for one that is not there.
func putPacked(c *vm.Call, array vm.Ref, off int, content []byte, atomic bool) {
	size := elementSize(c, array)
	switch {
	case size == 1 && atomic:
		c.PutBytes(array, off, content)
	case size == 1:
		refuseNonAtomic(c, array)
		c.PutBytesNonAtomic(array, off, content)
	default:
		if !atomic {
			refuseNonAtomic(c, array)
		}
		own := atomic && c.StorageOf(array) == vm.Persistent && c.TransactionDepth() == 0
		if own {
			c.BeginTransaction()
		}
		thrown := c.Try(func() {
			for i := 0; i < len(content); i += size {
				value := int32(0)
				for _, b := range content[i : i+size] {
					value = value<<8 | int32(b)
				}
				if size == 2 {
					value = int32(int16(value))
				}
				c.SetElement(array, off+i/size, vm.IntValue(value))
			}
		})
		switch {
		case thrown != nil && own:
			c.AbortTransaction()
		case own:
			c.CommitTransaction()
		}
		if thrown != nil {
			c.ThrowRef(thrown.Ref)
		}
	}
}

// refuseNonAtomic throws ILLEGAL_VALUE for a persistent integrity-sensitive array, which
// takes no operation that a power cut may leave half done (SensitiveArrays).
func refuseNonAtomic(c *vm.Call, array vm.Ref) {
	if c.IsSensitive(array) && c.StorageOf(array) == vm.Persistent {
		c.Throw(systemException, systemIllegalValue)
	}
}

func repack(c *vm.Call, atomic bool) vm.Value {
	from, to := c.Ref(0), c.Ref(3)
	content := packed(c, from, int(c.Short(1)), int(c.Short(2)))
	size := elementSize(c, to)
	if len(content)%size != 0 {
		c.Throw(utilException, utilIllegal)
	}
	off, n := int(c.Short(4)), len(content)/size
	checkRange(c, to, off, n)
	putPacked(c, to, off, content, atomic)
	return vm.ShortValue(int16(off + n))
}

func fillGeneric(c *vm.Call, atomic bool) vm.Value {
	array, off, n, values := c.Ref(0), int(c.Short(1)), int(c.Short(2)), c.Ref(3)
	if elementSize(c, array) != elementSize(c, values) {
		c.Throw(utilException, utilMismatched)
	}
	value := packed(c, values, int(c.Short(4)), 1)
	checkRange(c, array, off, n)
	content := make([]byte, 0, n*len(value))
	for range n {
		content = append(content, value...)
	}
	putPacked(c, array, off, content, atomic)
	return vm.ShortValue(int16(off + n))
}

func compareGeneric(c *vm.Call) vm.Value {
	a, b, n := c.Ref(0), c.Ref(2), int(c.Short(4))
	if elementSize(c, a) != elementSize(c, b) {
		c.Throw(utilException, utilMismatched)
	}
	checkRange(c, a, int(c.Short(1)), n)
	checkRange(c, b, int(c.Short(3)), n)
	for i := range n {
		x, y := elementOf(c, a, int(c.Short(1))+i), elementOf(c, b, int(c.Short(3))+i)
		switch {
		case x < y:
			return vm.Value(-1)
		case x > y:
			return 1
		}
	}
	return 0
}

// elementOf returns an element as it compares: bytes without sign, as in
// Util.arrayCompare, the others with theirs.
func elementOf(c *vm.Call, array vm.Ref, i int) int32 {
	value := c.Element(array, i).Int()
	if c.KindOf(array) == vm.ByteArray {
		return value & 0xFF
	}
	return value
}

// findGeneric returns the first index from argument 1 on of the value in argument 2, -1
// if there is none.
func findGeneric(c *vm.Call) vm.Value {
	array, off := c.Ref(0), int(c.Short(1))
	size := elementSize(c, array)
	if off < 0 || off >= c.Length(array) {
		c.Throw(arrayIndexException, 0)
	}
	wanted := string(c.Bytes(c.Ref(2), int(c.Short(3)), size))
	content := packed(c, array, off, c.Length(array)-off)
	for i := 0; i < len(content); i += size {
		if string(content[i:i+size]) == wanted {
			return vm.ShortValue(int16(off + i/size))
		}
	}
	return vm.ShortValue(-1)
}
