package api

import (
	"crypto/subtle"

	"ekrona.example/emulator/vm"
)

// Hidden fields of OwnerPIN: the try limit, the secret and the flag that a PIN has been
// presented, which is in RAM. The secret is an array that holds the tries left, the
// length of the PIN, and room for the longest PIN, so that an update is one atomic
// write.
const (
	pinLimit = iota
	pinSecret
	pinValidated
)

// Offsets in the secret.
const (
	pinTries = iota
	pinLength
	pinStart
)

// pinUnset is the length before the first update; no PIN is that long.
const pinUnset = 0xFF

// pinNatives are the functions of javacard.framework.OwnerPIN. The try counter is
// written outside any transaction and before the comparison, so that neither an
// abort nor a power cut gives a try back.
func pinNatives() map[string]vm.Native {
	return bind(ownerPINClass, map[string]vm.Native{
		"<init>(BB)V": func(c *vm.Call) vm.Value {
			limit, size := c.Byte(0), c.Byte(1)
			if limit < 1 || size < 1 {
				c.Throw(pinException, pinIllegalValue)
			}
			makePIN(c, c.This(), limit, size)
			return vm.Void
		},
		"check([BSB)Z": checkPIN,
		"update([BSB)V": func(c *vm.Call) vm.Value {
			secret, n := c.Field(c.This(), pinSecret).Ref(), int(c.Byte(2))
			if n > c.Length(secret)-pinStart {
				c.Throw(pinException, pinIllegalValue)
			}
			content := append([]byte{byte(c.Field(c.This(), pinLimit)), byte(n)},
				c.Bytes(c.Ref(0), int(c.Short(1)), n)...)
			c.PutBytes(secret, pinTries, content)
			setValidated(c, false)
			return vm.Void
		},
		"getTriesRemaining()B": func(c *vm.Call) vm.Value { return vm.Value(triesLeft(c)) },
		"getValidatedFlag()Z":  func(c *vm.Call) vm.Value { return vm.BoolValue(validated(c)) },
		"isValidated()Z":       func(c *vm.Call) vm.Value { return vm.BoolValue(validated(c)) },
		"setValidatedFlag(Z)V": func(c *vm.Call) vm.Value {
			setValidated(c,
				c.Bool(0))
			return vm.Void
		},
		"resetAndUnblock()V": func(c *vm.Call) vm.Value { unblockPIN(c); return vm.Void },
		"reset()V": func(c *vm.Call) vm.Value {
			if validated(c) {
				unblockPIN(c)
			}
			return vm.Void
		},
	})
}

// makePIN gives a new OwnerPIN its arrays.
func makePIN(c *vm.Call, pin vm.Ref, limit, size int8) {
	secret := c.NewByteArray(pinStart+int(size), vm.Persistent)
	c.PutBytes(secret, pinTries, []byte{byte(limit), pinUnset})
	c.SetField(pin, pinLimit, vm.Value(limit))
	c.SetField(pin, pinSecret, vm.RefValue(secret))
	c.SetField(pin, pinValidated, vm.RefValue(c.NewArray(vm.BooleanArray, 1, vm.ClearOnReset)))
}

func checkPIN(c *vm.Call) vm.Value {
	tries := triesLeft(c)
	setValidated(c, false)
	if tries == 0 {
		return vm.BoolValue(false)
	}
	setTries(c, tries-1)
	presented := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))
	secret := c.Field(c.This(), pinSecret).Ref()
	length := int(c.Bytes(secret, pinLength, 1)[0])
	if length == pinUnset || length != len(presented) ||
		subtle.ConstantTimeCompare(c.Bytes(secret, pinStart, length), presented) == 0 {
		return vm.BoolValue(false)
	}
	unblockPIN(c)
	setValidated(c, true)
	return vm.BoolValue(true)
}

func triesLeft(c *vm.Call) byte {
	return c.Bytes(c.Field(c.This(), pinSecret).Ref(), pinTries, 1)[0]
}

func setTries(c *vm.Call, n byte) {
	if n != triesLeft(c) {
		c.PutBytesOutside(c.Field(c.This(), pinSecret).Ref(), pinTries, []byte{n})
	}
}

// unblockPIN clears the flag and gives all tries.
func unblockPIN(c *vm.Call) {
	setValidated(c, false)
	setTries(c, byte(c.Field(c.This(), pinLimit)))
}

func validated(c *vm.Call) bool {
	return c.Bytes(c.Field(c.This(), pinValidated).Ref(), 0, 1)[0] != 0
}

func setValidated(c *vm.Call, to bool) {
	flag := []byte{0}
	if to {
		flag[0] = 1
	}
	c.PutBytes(c.Field(c.This(), pinValidated).Ref(), 0, flag)
}
