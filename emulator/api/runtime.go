package api

import "ekrona.example/emulator/vm"

// Runtime is what the API classes need from the runtime environment: the registry of
// applets and what is selected. The card implements it and is found through
// vm.Config.Host. Every method is called while an applet runs, in the applet's context.
type Runtime interface {
	// Register makes applet, an instance of Applet that is being installed,
	// known under aid (5 to 16 bytes), or under the AID of the install command
	// if aid is nil. It reports false if the AID is taken, has another RID than
	// the package and is not that of the command, or no install is going on or it
	// has registered already; the caller gets SystemException ILLEGAL_AID (JCRE
	// 3.0.5 §3.1, §11.2).
	Register(c *vm.Call, applet vm.Ref, aid []byte) bool

	// SelectingApplet reports whether the command being processed is the SELECT
	// that selected the current applet (Applet.selectingApplet).
	SelectingApplet(c *vm.Call) bool

	// Manager is what the card's manager does for applets; never nil.
	Manager() Manager

	// CurrentAID returns the AID of the applet in whose context the caller runs: the one
	// it registered or, within install, the one of the command; nil for the runtime
	// environment.
	CurrentAID(c *vm.Call) []byte

	// ReSelecting reports whether the command being processed is a SELECT by name of the
	// applet that was selected already (Applet.reSelectingApplet): from its deselect on.
	ReSelecting(c *vm.Call) bool

	// AIDOf returns the AID object of an applet instance, made by NewAID; 0 for
	// the runtime environment and for an instance that has not registered.
	AIDOf(c *vm.Call, instance vm.Instance) vm.Ref

	// LookupAID returns the AID object of the registered applet whose AID is
	// exactly aid, 0 if there is none (JCSystem.lookupAID).
	LookupAID(c *vm.Call, aid []byte) vm.Ref

	// ShareableObject asks the applet registered under server for an object to
	// share: it calls getShareableInterfaceObject with the AID of the caller and
	// parameter, in the server's context. It returns 0 if there is no such applet
	// (JCRE 3.0.5 §6.2.7.2).
	ShareableObject(c *vm.Call, server []byte, parameter int8) vm.Ref

	// ServiceObject asks the applet registered under server for its GlobalService: it
	// calls getShareableInterfaceObject with the AID of the caller and
	// GPSystem.GLOBAL_SERVICE_IDENTIFIER. It returns 0 where ShareableObject does.
	ServiceObject(c *vm.Call, server []byte) vm.Ref

	// IsActive reports whether the applet registered under aid is selected on some
	// logical channel (JCSystem.isAppletActive).
	IsActive(c *vm.Call, aid []byte) bool

	// IsSelected reports whether instance is the currently selected applet.
	IsSelected(c *vm.Call, instance vm.Instance) bool

	// Protocol returns the media and protocol in use, as APDU.getProtocol does.
	Protocol() int8

	// Channel returns the logical channel of the command in progress, 0 to 19.
	Channel() int8
}

// runtimeOf is the environment of the card that a native runs on.
func runtimeOf(c *vm.Call) Runtime { return c.VM().Host().(Runtime) }
