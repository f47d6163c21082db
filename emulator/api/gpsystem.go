package api

import "ekrona.example/emulator/vm"

// The classes of org.globalplatform, and the hidden ones behind its interfaces.
const (
	gpPackage          = "org/globalplatform/"
	gpSystemClass      = gpPackage + "GPSystem"
	globalServiceClass = gpPackage + "GlobalService"
	cvmClass           = gpPackage + "CVM"
	registryEntryClass = gpPackage + "RegistryEntryObject"
	secureChannelClass = gpPackage + "SecureChannelObject"
)

// Numbers of privileges (GPC table 6-1), as GPRegistryEntry has them.
const (
	privilegeCardLock       = 3
	privilegeCardTerminate  = 4
	privilegeCardReset      = 5
	privilegeGlobalLock     = 12
	privilegeGlobalRegistry = 13
	privilegeGlobalService  = 15
	privileges              = 24
)

const (
	familyCVM         = 0x82 // GPSystem.FAMILY_CVM
	maxHistoricalByte = 15   // ISO/IEC 7816-3:2006 §8.2.2
	globalService     = "getServiceInterface(Lorg/globalplatform/GPRegistryEntry;S[BSS)Ljav" +
		"acard/framework/Shareable;"
)

// globalPlatformClasses describes the classes behind the interfaces that the card itself
// implements.
func globalPlatformClasses(listed []vm.NativeClass) []vm.NativeClass {
	channel := hiddenClass(listed, secureChannelClass, objectClass, gpPackage+"SecureChannelx")
	second := hiddenClass(listed, secureChannelClass, objectClass, gpPackage+"SecureChannelx2")
	channel.Interfaces = append(channel.Interfaces, second.Interfaces...)
	known := map[string]bool{}
	for _, m := range channel.Methods {
		known[m.Name+m.Descriptor] = true
	}
	for _, m := range second.Methods {
		if !known[m.Name+m.Descriptor] {
			channel.Methods = append(channel.Methods, m)
		}
	}
	return []vm.NativeClass{channel, hiddenClass(listed, registryEntryClass, objectClass,
		gpPackage+"GPRegistryEntry")}
}

// systemEntryNatives are the functions of org.globalplatform.GPSystem.
func systemEntryNatives() map[string]vm.Native {
	return bind(gpSystemClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getCardState()B": func(c *vm.Call) vm.Value {
			return vm.Value(int8(runtimeOf(c).Manager().CardState()))
		},
		"getCardContentState()B": func(c *vm.Call) vm.Value {
			life, _ := runtimeOf(c).Manager().Life(c, runtimeOf(c).CurrentAID(c))
			return vm.Value(int8(life))
		},
		"setCardContentState(B)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(setOwnState(c, runtimeOf(c), byte(c.Byte(0))))
		},
		"lockCard()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(currentHas(c, runtimeOf(c), privilegeCardLock) &&
				runtimeOf(c).Manager().SetCardState(c, cardLocked))
		},
		"terminateCard()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(currentHas(c, runtimeOf(c), privilegeCardTerminate) &&
				runtimeOf(c).Manager().SetCardState(c, cardTerminated))
		},
		"setATRHistBytes([BSB)Z": func(c *vm.Call) vm.Value {
			historical := append([]byte(nil), c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))...)
			return vm.BoolValue(len(historical) <= maxHistoricalByte &&
				currentHas(c, runtimeOf(c), privilegeCardReset) &&
				runtimeOf(c).Manager().SetHistoricalBytes(c, historical))
		},
		"getSecureChannel()Lorg/globalplatform/SecureChannel;": func(c *vm.Call) vm.Value {
			if runtimeOf(c).Manager().Channel() == nil {
				return vm.RefValue(0)
			}
			channel := c.Root(secureChannelClass)
			if channel == 0 {
				channel = c.NewJCREObject(secureChannelClass, vm.ClearOnReset, vm.EntryPoint)
				c.SetRoot(secureChannelClass, channel)
			}
			return vm.RefValue(channel)
		},
		"getRegistryEntry(Ljavacard/framework/AID;)Lorg/globalplatform/GPRegistryEntry;": func(c *vm.Call) vm.Value {
			return vm.RefValue(registryEntryFor(c, runtimeOf(c)))
		},
		"getCVM(B)Lorg/globalplatform/CVM;": func(c *vm.Call) vm.Value {
			return vm.RefValue(cvmOf(c, runtimeOf(c), familyCVM<<8|uint16(byte(c.Byte(0)))))
		},
		"getService(Ljavacard/framework/AID;S)Lorg/globalplatform/GlobalService;": func(c *vm.Call) vm.Value {
			var server []byte
			if c.Ref(0) != 0 {
				server = aidArgument(c)
			}
			return vm.RefValue(serviceOf(c, runtimeOf(c), uint16(c.Short(1)), server))
		},
	})
}

// hasPrivilege reports whether an applet has the privilege of a number.
func hasPrivilege(runtime Runtime, applet []byte, number int) bool {
	all := runtime.Manager().Privileges(applet)
	return number >= 0 && number < privileges && all[number/8]>>(7-number%8)&1 != 0
}

func currentHas(c *vm.Call, runtime Runtime, number int) bool {
	return hasPrivilege(runtime, runtime.CurrentAID(c), number)
}

// isOwnState reports whether an applet may give itself a life cycle state: from
// SELECTABLE up, with the three low bits set (GPC §5.3.1).
func isOwnState(state byte) bool {
	return state&lifeLocked == 0 && state&lifeSelectable == lifeSelectable
}

// setOwnState is the applet's transition of its own state, once it is selectable.
func setOwnState(c *vm.Call, runtime Runtime, state byte) bool {
	own := runtime.CurrentAID(c)
	life, known := runtime.Manager().Life(c, own)
	return known && isOwnState(state) && isOwnState(life) &&
		runtime.Manager().SetLife(c, own, state)
}

// serviceOf returns the GlobalService of the applet that serves a service, 0 for none.
func serviceOf(c *vm.Call, runtime Runtime, service uint16, server []byte) vm.Ref {
	found, ok := runtime.Manager().Server(service, server)
	if !ok {
		return 0
	}
	object := runtime.ServiceObject(c, found)
	if !c.InstanceOf(object, globalServiceClass) {
		return 0
	}
	return object
}

// cvmOf asks the applet that serves a cardholder verification method for its CVM. What
// the applet throws reaches the caller.
func cvmOf(c *vm.Call, runtime Runtime, service uint16) vm.Ref {
	object := serviceOf(c, runtime, service, nil)
	if object == 0 {
		return 0
	}
	client := entryOf(c, runtime.AIDOf(c, c.Active()))
	name, desc := splitMethod(globalService)
	method, err := c.VM().Method(globalServiceClass, name, desc)
	if err != nil {
		c.Fault(err.Error())
	}
	var cvm vm.Ref
	c.AsJCRE(func(c *vm.Call) {
		cvm = c.Invoke(method, object, vm.RefValue(client), vm.ShortValue(int16(service)), 0, 0,
			0).Ref()
	})
	if !c.InstanceOf(cvm, cvmClass) {
		return 0
	}
	return cvm
}
