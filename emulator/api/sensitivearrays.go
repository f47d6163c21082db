package api

import "ekrona.example/emulator/vm"

// sensitiveArrayNatives are the functions of javacard.framework.SensitiveArrays. The
// integrity control element is the machine's.
func sensitiveArrayNatives() map[string]vm.Native {
	return bind("javacard/framework/SensitiveArrays", map[string]vm.Native{
		"isIntegritySensitiveArraysSupported()Z": func(*vm.Call) vm.Value {
			return vm.BoolValue(true)
		},
		"isIntegritySensitive(Ljava/lang/Object;)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(c.IsSensitive(c.Ref(0)))
		},
		"makeIntegritySensitiveArray(BBS)Ljava/lang/Object;": func(c *vm.Call) vm.Value {
			kind, memory := arrayKind(c, c.Byte(0)), memoryType(c, c.Byte(1))
			return vm.RefValue(c.NewSensitiveArray(kind, objectClass, int(c.Short(2)), memory))
		},
		"assertIntegrity(Ljava/lang/Object;)V": func(c *vm.Call) vm.Value {
			c.CheckIntegrity(sensitiveArray(c))
			return vm.Void
		},
		"clearArray(Ljava/lang/Object;)S": func(c *vm.Call) vm.Value {
			array := sensitiveArray(c)
			c.Clear(array)
			return vm.ShortValue(int16(c.Length(array)))
		},
	})
}

// sensitiveArray returns argument 0, which must be an integrity-sensitive array of the
// caller's.
func sensitiveArray(c *vm.Call) vm.Ref {
	array := c.Ref(0)
	if !c.IsSensitive(array) {
		c.Throw(systemException, systemIllegalValue)
	}
	c.CheckAccess(array)
	return array
}
