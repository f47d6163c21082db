package api

import (
	"strings"

	"ekrona.example/emulator/vm"
)

const entryAID = 0 // hidden field of a registry entry

// splitMethod cuts "name(arguments)result" into name and descriptor.
func splitMethod(method string) (name, desc string) {
	at := strings.IndexByte(method, '(')
	return method[:at], method[at:]
}

// registryEntryFor is GPSystem.getRegistryEntry: of the caller, or of another applet for
// one with the Global Registry privilege; 0 for anything else.
func registryEntryFor(c *vm.Call, runtime Runtime) vm.Ref {
	own := runtime.AIDOf(c, c.Active())
	if c.Ref(0) == 0 {
		return entryOf(c, own)
	}
	wanted := runtime.LookupAID(c, aidArgument(c))
	if wanted != own && !currentHas(c, runtime, privilegeGlobalRegistry) {
		return 0
	}
	return entryOf(c, wanted)
}

// entryOf returns the entry of the applet that an AID object of the runtime environment
// names, made at the first request; 0 for 0.
func entryOf(c *vm.Call, aid vm.Ref) vm.Ref {
	if aid == 0 {
		return 0
	}
	if entry := c.Field(aid, aidEntry).Ref(); entry != 0 {
		return entry
	}
	entry := c.NewJCREObject(registryEntryClass, vm.Persistent, vm.EntryPoint)
	c.SetField(entry, entryAID, vm.RefValue(aid))
	c.SetField(aid, aidEntry, vm.RefValue(entry))
	return entry
}

// registryEntryNatives are the functions of the entries of the registry.
func registryEntryNatives() map[string]vm.Native {
	applet := func(c *vm.Call) []byte {
		aid := c.Field(c.This(), entryAID).Ref()
		if aid == 0 {
			c.Fault("a registry entry that getRegistryEntry did not make")
		}
		return AIDBytes(c, aid)
	}
	isOwn := func(c *vm.Call) bool {
		return string(applet(c)) == string(runtimeOf(c).CurrentAID(c))
	}
	serve := func(do func(c *vm.Call, applet []byte, service uint16) bool) vm.Native {
		return func(c *vm.Call) vm.Value {
			served := isOwn(c) && currentHas(c, runtimeOf(c), privilegeGlobalService) &&
				do(c, applet(c), uint16(c.Short(0)))
			if !served {
				c.Throw(isoException, swConditions)
			}
			return vm.Void
		}
	}
	return bind(registryEntryClass, map[string]vm.Native{
		"getAID()Ljavacard/framework/AID;": func(c *vm.Call) vm.Value {
			return c.Field(c.This(), entryAID)
		},
		"getState()B": func(c *vm.Call) vm.Value {
			life, _ := runtimeOf(c).Manager().Life(c, applet(c))
			return vm.Value(int8(life))
		},
		"setState(B)Z": func(c *vm.Call) vm.Value {
			if isOwn(c) && byte(c.Byte(0))&lifeLocked == 0 {
				return vm.BoolValue(setOwnState(c, runtimeOf(c), byte(c.Byte(0))))
			}
			return vm.BoolValue(changeLock(c, runtimeOf(c), applet(c), isOwn(c), byte(c.Byte(0))))
		},
		"getPrivileges([BS)S": func(c *vm.Call) vm.Value {
			all := runtimeOf(c).Manager().Privileges(applet(c))
			c.PutBytes(c.Ref(0), int(c.Short(1)), all[:])
			return vm.ShortValue(c.Short(1) + int16(len(all)))
		},
		"isPrivileged(B)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(hasPrivilege(runtimeOf(c), applet(c), int(c.Byte(0))))
		},
		"isAssociated(Ljavacard/framework/AID;)Z": func(c *vm.Call) vm.Value {
			domain := runtimeOf(c).Manager().Domain()
			return vm.BoolValue(string(aidArgument(c)) == string(domain) && domain != nil)
		},
		"registerService(S)V": serve(func(c *vm.Call, a []byte,
			s uint16) bool {
			return runtimeOf(c).Manager().Register(c, a, s)
		}),
		"deregisterService(S)V": serve(func(c *vm.Call, a []byte,
			s uint16) bool {
			return runtimeOf(c).Manager().Deregister(c, a, s)
		}),
	})
}

// changeLock locks an applet, by itself or by one with the Global Lock privilege, or
// unlocks it, by the latter: APPLICATION_LOCKED in state locks.
func changeLock(c *vm.Call, runtime Runtime, applet []byte, own bool, state byte) bool {
	life, known := runtime.Manager().Life(c, applet)
	global := currentHas(c, runtime, privilegeGlobalLock)
	lock := state&lifeLocked != 0
	switch {
	case !known, lock == (life&lifeLocked != 0):
		return false
	case lock && !own && !global, !lock && (own || !global):
		return false
	}
	return runtime.Manager().SetLife(c, applet, life^lifeLocked)
}
