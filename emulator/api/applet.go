package api

import "ekrona.example/emulator/vm"

// appletNatives are the functions of javacard.framework.Applet.
func appletNatives() map[string]vm.Native {
	register := func(c *vm.Call, aid []byte) vm.Value {
		if !runtimeOf(c).Register(c, c.This(), aid) {
			c.Throw(systemException, systemIllegalAID)
		}
		return vm.Void
	}
	return bind("javacard/framework/Applet", map[string]vm.Native{
		"<init>()V": nothing,
		"install([BSB)V": func(c *vm.Call) vm.Value {
			c.Throw(isoException, swFuncNotSupported)
			return vm.Void
		},
		"register()V": func(c *vm.Call) vm.Value { return register(c, nil) },
		"register([BSB)V": func(c *vm.Call) vm.Value {
			aid := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))
			if !validAIDLength(len(aid)) {
				c.Throw(systemException, systemIllegalValue)
			}
			return register(c, append([]byte(nil), aid...))
		},
		"selectingApplet()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(runtimeOf(c).SelectingApplet(c))
		},
		"reSelectingApplet()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(runtimeOf(c).ReSelecting(c))
		},
		"select()Z":   func(*vm.Call) vm.Value { return vm.BoolValue(true) },
		"deselect()V": nothing,
		"getShareableInterfaceObject(Ljavacard/framework/AID;B)" +
			"Ljavacard/framework/Shareable;": func(*vm.Call) vm.Value {
			return vm.RefValue(0)
		},
	})
}
