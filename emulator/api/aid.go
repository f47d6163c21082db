package api

import (
	"bytes"

	"ekrona.example/emulator/vm"
)

const (
	aidClass = "javacard/framework/AID"

	// Hidden fields. The latter two are used in the runtime environment's AIDs of applets.
	aidBytes = 0
	aidLife  = 1 // life cycle state of the applet on a card without a card manager; 0 is SELECTABLE
	aidEntry = 2 // its GPRegistryEntry, once an applet asked for it
)

func validAIDLength(n int) bool { return n >= 5 && n <= 16 } // ISO/IEC 7816-4 §12.2.3

// NewAID makes the runtime environment's AID object for an applet: a permanent
// entry point object. To be called in the context of the runtime environment.
func NewAID(c *vm.Call, aid []byte) vm.Ref {
	object := c.NewJCREObject(aidClass, vm.Persistent, vm.EntryPoint)
	content := c.NewJCREArray(vm.ByteArray, len(aid), vm.Persistent, 0)
	c.SetField(object, aidBytes, vm.RefValue(content))
	c.AsJCRE(func(c *vm.Call) { c.PutBytes(content, 0, aid) })
	return object
}

// AIDBytes returns a copy of the bytes in an AID object.
func AIDBytes(c *vm.Call, aid vm.Ref) []byte {
	content := c.Field(aid, aidBytes).Ref()
	var copied []byte
	c.AsJCRE(func(c *vm.Call) {
		copied = append(copied,
			c.Bytes(content, 0, c.Length(content))...)
	})
	return copied
}

// aidNatives are the functions of javacard.framework.AID.
func aidNatives() map[string]vm.Native {
	return bind(aidClass, map[string]vm.Native{
		"<init>([BSB)V": func(c *vm.Call) vm.Value {
			content := append([]byte(nil), c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))...)
			if !validAIDLength(len(content)) {
				c.Throw(systemException, systemIllegalValue)
			}
			array := c.NewByteArray(len(content), vm.Persistent)
			c.PutBytes(array, 0, content)
			c.SetField(c.This(), aidBytes, vm.RefValue(array))
			return vm.Void
		},
		"getBytes([BS)B": func(c *vm.Call) vm.Value {
			aid := AIDBytes(c, c.This())
			c.PutBytes(c.Ref(0), int(c.Short(1)), aid)
			return vm.Value(len(aid))
		},
		"getPartialBytes(S[BSB)B": func(c *vm.Call) vm.Value {
			aid, off, n := AIDBytes(c, c.This()), int(c.Short(0)), int(c.Byte(3))
			if off >= 0 && n == 0 {
				n = len(aid) - off
			}
			if off < 0 || n < 0 || off+n > len(aid) {
				c.Throw(arrayIndexException, 0)
			}
			c.PutBytes(c.Ref(1), int(c.Short(2)), aid[off:off+n])
			return vm.Value(n)
		},
		"equals(Ljava/lang/Object;)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(isAID(c) &&
				bytes.Equal(AIDBytes(c, c.This()), AIDBytes(c, c.Ref(0))))
		},
		"RIDEquals(Ljavacard/framework/AID;)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(isAID(c) &&
				bytes.Equal(AIDBytes(c, c.This())[:5], AIDBytes(c, c.Ref(0))[:5]))
		},
		"equals([BSB)Z": func(c *vm.Call) vm.Value {
			if c.Ref(0) == 0 {
				return vm.BoolValue(false)
			}
			return vm.BoolValue(bytes.Equal(AIDBytes(c, c.This()),
				c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))))
		},
		"partialEquals([BSB)Z": func(c *vm.Call) vm.Value {
			if c.Ref(0) == 0 {
				return vm.BoolValue(false)
			}
			return vm.BoolValue(bytes.HasPrefix(AIDBytes(c, c.This()),
				c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))))
		},
	})
}

// aidArgument returns the bytes of the AID object that is argument 0, which must be the
// caller's own or the runtime environment's.
func aidArgument(c *vm.Call) []byte {
	c.CheckAccess(c.Ref(0))
	return AIDBytes(c, c.Ref(0))
}

// isAID reports whether argument 0 is an AID object that the caller may access.
func isAID(c *vm.Call) bool {
	if c.Ref(0) == 0 {
		return false
	}
	c.CheckAccess(c.Ref(0))
	return c.InstanceOf(c.Ref(0), aidClass)
}
