package card

import (
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/vm"
)

// entryPoints are the methods of applets that the runtime environment calls.
type entryPoints struct {
	selectApplet, deselect, process, shareable, uninstall *vm.Method
	multiSelect, multiDeselect                            *vm.Method // of MultiSelectable
}

func findEntryPoints(machine *vm.VM) (entryPoints, error) {
	var e entryPoints
	for _, wanted := range []struct {
		to                *(*vm.Method)
		class, name, desc string
	}{
		{&e.selectApplet, appletClass, "select", "()Z"},
		{&e.deselect, appletClass, "deselect", "()V"},
		{&e.process, appletClass, "process", "(Ljavacard/framework/APDU;)V"},
		{&e.shareable, appletClass, "getShareableInterfaceObject",
			"(Ljavacard/framework/AID;B)Ljavacard/framework/Shareable;"},
		{&e.uninstall, appletEventClass, "uninstall", "()V"},
		{&e.multiSelect, multiSelectable, "select", "(Z)Z"},
		{&e.multiDeselect, multiSelectable, "deselect", "(Z)V"},
	} {
		method, err := machine.Method(wanted.class, wanted.name, wanted.desc)
		if err != nil {
			return e, err
		}
		*wanted.to = method
	}
	return e, nil
}

const (
	appletClass      = "javacard/framework/Applet"
	appletEventClass = "javacard/framework/AppletEvent"
	isoException     = "javacard/framework/ISOException"
	extendedLength   = "javacardx/apdu/ExtendedLength"
	multiSelectable  = "javacard/framework/MultiSelectable"
)

// environment is the side of a card that the API classes see.
type environment struct{ card *Card }

var _ api.Runtime = environment{}

// Register implements api.Runtime.
func (e environment) Register(call *vm.Call, applet vm.Ref, aid []byte) bool {
	in := e.card.install
	if in == nil || in.registered {
		return false
	}
	name := in.aid
	if aid != nil {
		name = aid
	}
	// The rule of the RID binds what an applet names itself. The AID of an INSTALL is its issuer's,
	// and products take it: an NDEF applet of any package is installed as D2760000850101.
	ownRID := AID(in.pkg.AID()).sameProvider(name) || AID(in.aid).equal(name)
	if _, taken := e.card.byAID(name); taken || !ownRID {
		return false
	}
	var object vm.Ref
	call.AsJCRE(func(call *vm.Call) { object = api.NewAID(call, name) })
	e.card.machine.RegisterInstance(in.instance, object, applet)
	in.aid, in.registered = name, true
	return true
}

// Manager implements api.Runtime.
func (e environment) Manager() api.Manager {
	if e.card.manager != nil {
		return e.card.manager
	}
	return api.NoManager{Object: e.aidObject}
}

// CurrentAID implements api.Runtime.
func (e environment) CurrentAID(call *vm.Call) []byte {
	if object := e.AIDOf(call, call.Active()); object != 0 {
		return api.AIDBytes(call, object)
	}
	if in := e.card.install; in != nil && in.instance == call.Active() {
		return in.aid
	}
	return nil
}

// ReSelecting implements api.Runtime.
func (e environment) ReSelecting(call *vm.Call) bool {
	return e.card.reselected != 0 && call.Active() == e.card.reselected
}

// SelectingApplet implements api.Runtime.
func (e environment) SelectingApplet(call *vm.Call) bool {
	return e.card.selecting && call.Active() == e.card.current
}

// AIDOf implements api.Runtime.
func (e environment) AIDOf(_ *vm.Call, instance vm.Instance) vm.Ref {
	info, _ := e.card.machine.InstanceInfo(instance)
	return info.AID
}

// LookupAID implements api.Runtime.
func (e environment) LookupAID(_ *vm.Call, aid []byte) vm.Ref { return e.aidObject(aid) }

// aidObject returns the AID object of an applet, 0 if there is none.
func (e environment) aidObject(aid []byte) vm.Ref {
	found, ok := e.card.byAID(aid)
	if !ok {
		return 0
	}
	info, _ := e.card.machine.InstanceInfo(found.instance)
	return info.AID
}

// globalServiceIdentifier is GPSystem.GLOBAL_SERVICE_IDENTIFIER (GPC 2.3.1 §A.2).
const globalServiceIdentifier = -128

// ServiceObject implements api.Runtime.
func (e environment) ServiceObject(call *vm.Call, server []byte) vm.Ref {
	return e.ShareableObject(call, server, globalServiceIdentifier)
}

// ShareableObject implements api.Runtime. What the server throws counts as no
// object (JCRE §6.2.7.2 leaves it open).
func (e environment) ShareableObject(call *vm.Call, server []byte, parameter int8) vm.Ref {
	found, ok := e.card.byAID(server)
	if !ok {
		return 0
	}
	info, _ := e.card.machine.InstanceInfo(found.instance)
	client := e.AIDOf(call, call.Active())
	var object vm.Ref
	call.AsJCRE(func(call *vm.Call) {
		call.Try(func() {
			object = call.Invoke(e.card.entry.shareable, info.Applet, vm.RefValue(client),
				vm.Value(parameter)).Ref()
		})
	})
	return object
}

// IsActive implements api.Runtime.
func (e environment) IsActive(_ *vm.Call, aid []byte) bool {
	found, ok := e.card.byAID(aid)
	if !ok {
		return false
	}
	_, same := e.card.elsewhere(found.instance)
	return same || found.instance == e.card.current
}

// IsSelected implements api.Runtime.
func (e environment) IsSelected(_ *vm.Call, instance vm.Instance) bool {
	return instance != 0 && instance == e.card.current
}

// Protocol implements api.Runtime.
func (e environment) Protocol() int8 { return int8(e.card.options.Interface) }

// Channel implements api.Runtime.
func (e environment) Channel() int8 { return int8(e.card.channel) }
