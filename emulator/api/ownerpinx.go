package api

import (
	"crypto/subtle"

	"ekrona.example/emulator/vm"
)

// The hidden classes behind OwnerPINx and OwnerPINxWithPredecrement.
const (
	pinXClass         = "javacard/framework/OwnerPINxObject"
	predecrementClass = "javacard/framework/OwnerPINxWithPredecrementObject"
	pinBuilderClass   = "javacard/framework/OwnerPINBuilder"
	ownerPINClass     = "javacard/framework/OwnerPIN"
	ownerPINKind      = 1 // OWNER_PIN
	pinXKind          = 2 // OWNER_PIN_X
	predecrementKind  = 3 // OWNER_PIN_X_WITH_PREDECREMENT
)

// Hidden fields of a PIN of pinXClass: the secret, and what is in RAM. The secret is an
// array of the tries left, the length of the PIN, room for the longest PIN and, last,
// the try limit, so that each administrative operation is one atomic write.
const (
	pinXSecret = iota
	pinXState
)

// Elements of the array in RAM.
const (
	pinXValidated = iota
	pinXDecremented
	pinXStateBytes
)

// What pinXDecremented holds.
const (
	notDecremented    = iota
	decremented       // check may compare
	blockedBeforehand // check may be called and returns false
)

// pinXClasses describes the hidden classes; their methods are those that the table lists
// for the interfaces.
func pinXClasses(listed []vm.NativeClass) []vm.NativeClass {
	return []vm.NativeClass{
		hiddenClass(listed, pinXClass, objectClass, "javacard/framework/OwnerPINx"),
		hiddenClass(listed, predecrementClass, pinXClass,
			"javacard/framework/OwnerPINxWithPredecrement"),
	}
}

// pinXNatives are the functions of OwnerPINBuilder and of the PINs that it builds. As
// with OwnerPIN, an abort or a power cut during a presentation gives no try back.
func pinXNatives() map[string]vm.Native {
	all := bind(pinXClass, map[string]vm.Native{
		"check([BSB)Z": func(c *vm.Call) vm.Value {
			tries := pinXTries(c)
			endPresentation(c)
			if tries == 0 {
				return vm.BoolValue(false)
			}
			setPINXTries(c, tries-1)
			return vm.BoolValue(comparePINX(c))
		},
		"getTriesRemaining()B": func(c *vm.Call) vm.Value { return vm.Value(int8(pinXTries(c))) },
		"getTryLimit()B":       func(c *vm.Call) vm.Value { return vm.Value(int8(pinXLimit(c))) },
		"isValidated()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(pinXFlag(c, pinXValidated) != 0)
		},
		"reset()V": func(c *vm.Call) vm.Value {
			wasValidated := pinXFlag(c, pinXValidated) != 0
			endPresentation(c)
			if wasValidated {
				setPINXTries(c, pinXLimit(c))
			}
			return vm.Void
		},
		"update([BSB)V": func(c *vm.Call) vm.Value {
			secret, n := c.Field(c.This(), pinXSecret).Ref(), int(c.Byte(2))
			if n > c.Length(secret)-pinStart-1 {
				c.Throw(pinException, pinIllegalValue)
			}
			content := append([]byte{pinXLimit(c), byte(n)},
				c.Bytes(c.Ref(0), int(c.Short(1)), n)...)
			c.PutBytes(secret, pinTries, content)
			endPresentation(c)
			return vm.Void
		},
		"setTryLimit(B)V": func(c *vm.Call) vm.Value {
			if c.Byte(0) < 1 {
				c.Throw(pinException, pinIllegalValue)
			}
			secret := c.Field(c.This(), pinXSecret).Ref()
			content := append([]byte(nil), c.Bytes(secret, 0, c.Length(secret))...)
			content[pinTries], content[len(content)-1] = byte(c.Byte(0)), byte(c.Byte(0))
			c.PutBytes(secret, 0, content)
			endPresentation(c)
			return vm.Void
		},
		"setTriesRemaining(B)V": func(c *vm.Call) vm.Value {
			if c.Byte(0) < 0 || byte(c.Byte(0)) > pinXLimit(c) {
				c.Throw(pinException, pinIllegalValue)
			}
			c.PutBytes(c.Field(c.This(), pinXSecret).Ref(), pinTries, []byte{byte(c.Byte(0))})
			endPresentation(c)
			return vm.Void
		},
	})
	all[predecrementClass+".decrementTriesRemaining()B"] = decrementPINX
	all[predecrementClass+".check([BSB)Z"] = checkDecremented
	all[pinBuilderClass+".buildOwnerPIN(BBB)Ljavacard/framework/PIN;"] = buildPIN
	return all
}

func buildPIN(c *vm.Call) vm.Value {
	limit, size := c.Byte(0), c.Byte(1)
	class := map[int8]string{ownerPINKind: ownerPINClass, pinXKind: pinXClass,
		predecrementKind: predecrementClass}[c.Byte(2)]
	if limit < 1 || size < 1 || class == "" {
		c.Throw(pinException, pinIllegalValue)
	}
	pin := c.NewObject(class)
	if class == ownerPINClass {
		makePIN(c, pin, limit, size)
		return vm.RefValue(pin)
	}
	content := make([]byte, pinStart+int(size)+1)
	content[pinTries], content[pinLength], content[len(content)-1] = byte(limit), pinUnset,
		byte(limit)
	secret := c.NewByteArray(len(content), vm.Persistent)
	c.PutBytes(secret, 0, content)
	c.SetField(pin, pinXSecret, vm.RefValue(secret))
	c.SetField(pin, pinXState, vm.RefValue(c.NewByteArray(pinXStateBytes, vm.ClearOnReset)))
	return vm.RefValue(pin)
}

// decrementPINX takes a try before the PIN is compared.
func decrementPINX(c *vm.Call) vm.Value {
	endPresentation(c)
	tries := pinXTries(c)
	if tries == 0 {
		setPINXFlag(c, pinXDecremented, blockedBeforehand)
		return 0
	}
	setPINXTries(c, tries-1)
	setPINXFlag(c, pinXDecremented, decremented)
	return vm.Value(int8(tries - 1))
}

// checkDecremented compares the PIN on the try that decrementPINX took.
func checkDecremented(c *vm.Call) vm.Value {
	state := pinXFlag(c, pinXDecremented)
	endPresentation(c)
	switch state {
	case decremented:
		return vm.BoolValue(comparePINX(c))
	case blockedBeforehand:
		return vm.BoolValue(false)
	}
	c.Throw(pinException, pinIllegalState)
	return vm.Void
}

// comparePINX compares the PIN in arguments 0 to 2, on a try that is taken already. A
// right one gives all tries back.
func comparePINX(c *vm.Call) bool {
	presented := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))
	secret := c.Field(c.This(), pinXSecret).Ref()
	length := int(c.Bytes(secret, pinLength, 1)[0])
	if length == pinUnset || length != len(presented) ||
		subtle.ConstantTimeCompare(c.Bytes(secret, pinStart, length), presented) == 0 {
		return false
	}
	setPINXTries(c, pinXLimit(c))
	setPINXFlag(c, pinXValidated, 1)
	return true
}

// endPresentation clears what RAM holds of a presentation.
func endPresentation(c *vm.Call) {
	c.PutBytes(c.Field(c.This(), pinXState).Ref(), 0, make([]byte, pinXStateBytes))
}

func pinXTries(c *vm.Call) byte {
	return c.Bytes(c.Field(c.This(), pinXSecret).Ref(), pinTries, 1)[0]
}

func setPINXTries(c *vm.Call, n byte) {
	if n != pinXTries(c) {
		c.PutBytesOutside(c.Field(c.This(), pinXSecret).Ref(), pinTries, []byte{n})
	}
}

func pinXLimit(c *vm.Call) byte {
	secret := c.Field(c.This(), pinXSecret).Ref()
	return c.Bytes(secret, c.Length(secret)-1, 1)[0]
}

func pinXFlag(c *vm.Call, which int) byte {
	return c.Bytes(c.Field(c.This(), pinXState).Ref(), which, 1)[0]
}

func setPINXFlag(c *vm.Call, which int, to byte) {
	c.PutBytes(c.Field(c.This(), pinXState).Ref(), which, []byte{to})
}
