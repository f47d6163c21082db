package api

import (
	"ekrona.example/apdu"
	"ekrona.example/emulator/vm"
)

// Manager is what the classes of org.globalplatform need from a card manager
// (GlobalPlatform Card Specification 2.3.1, GPC). AIDs of applets are those that they
// registered. Every method is called while an applet runs; what it keeps is written
// outside any transaction of the applet's.
type Manager interface {
	// CardState returns the life cycle state of the card (GPC table 11-6).
	CardState() byte

	// SetCardState makes the card locked or terminated and reports whether it is.
	SetCardState(c *vm.Call, state byte) bool

	// Domain returns the AID of the security domain of all applets; nil if there is none.
	Domain() []byte

	// Life returns the life cycle state of an applet (GPC table 11-4), false if there is
	// no such applet.
	Life(c *vm.Call, applet []byte) (byte, bool)

	// SetLife sets it; the caller has checked that the transition is allowed.
	SetLife(c *vm.Call, applet []byte, state byte) bool

	// Privileges returns the privileges of an applet in three bytes (GPC table 11-7).
	Privileges(applet []byte) [3]byte

	// SetHistoricalBytes sets the historical bytes of the answer to reset, from the next
	// reset on, and reports whether it did.
	SetHistoricalBytes(c *vm.Call, historical []byte) bool

	// Register records a unique service name of an applet, and Deregister takes it back.
	// They report whether they did.
	Register(c *vm.Call, applet []byte, service uint16) bool
	Deregister(c *vm.Call, applet []byte, service uint16) bool

	// Server returns the applet that serves a service, by its unique name or for its
	// whole family; only server may be meant if that is not nil.
	Server(service uint16, server []byte) ([]byte, bool)

	// EndSession ends the secure channel's session: the applet that used it is no longer
	// selected, or the power goes.
	EndSession()

	// Channel returns the secure channel of the security domain, nil if it has none.
	Channel() Channel
}

// Channel is the security domain's side of a secure channel that an applet uses
// (SecureChannel, SecureChannelx). Errors are status words.
type Channel interface {
	// Process carries out a command that opens the channel, and returns its response
	// data. SWs 6E00 and 6D00 report that the class or the instruction is none of
	// these.
	Process(c *vm.Call, command apdu.Command) ([]byte, error)

	// Unwrap takes the protection off a command.
	Unwrap(command apdu.Command) (apdu.Command, error)

	// Wrap returns the data of the protected response.
	Wrap(response apdu.Response) ([]byte, error)

	// Decrypt and Encrypt transform whole blocks of sensitive data under the session's
	// data encryption key.
	Decrypt(data []byte) ([]byte, error)
	Encrypt(data []byte) ([]byte, error)

	// Level returns the current security level as SecureChannel's constants code it.
	Level() byte

	// SetLevel changes the current level, no lower than the session's.
	SetLevel(level byte) error

	// Reset ends the session.
	Reset()
}

// Life cycle states of an applet (GPC table 11-4), a mask, and the card's.
const (
	lifeInstalled  = 0x03
	lifeSelectable = 0x07
	lifeLocked     = 0x80
	cardOPReady    = 0x01
	cardLocked     = 0x7F
	cardTerminated = 0xFF
)

// NoManager is the Manager of a card without a card manager: OP_READY for good, no
// privileges, no services, no secure channel. An applet's own life cycle state is in
// the runtime environment's AID object of the applet.
type NoManager struct {
	// Object returns the AID object of an applet, 0 if there is none.
	Object func(applet []byte) vm.Ref
}

var _ Manager = NoManager{}

// CardState implements Manager.
func (NoManager) CardState() byte { return cardOPReady }

// SetCardState implements Manager.
func (NoManager) SetCardState(*vm.Call, byte) bool { return false }

// Domain implements Manager.
func (NoManager) Domain() []byte { return nil }

// Life implements Manager.
func (m NoManager) Life(c *vm.Call, applet []byte) (byte, bool) {
	object := m.object(applet)
	if object == 0 {
		return lifeInstalled, false
	}
	if life := byte(c.Field(object, aidLife)); life != 0 {
		return life, true
	}
	return lifeSelectable, true
}

// SetLife implements Manager.
func (m NoManager) SetLife(c *vm.Call, applet []byte, state byte) bool {
	object := m.object(applet)
	if object != 0 {
		c.SetFieldOutside(object, aidLife, vm.Value(state))
	}
	return object != 0
}

func (m NoManager) object(applet []byte) vm.Ref {
	if m.Object == nil {
		return 0
	}
	return m.Object(applet)
}

// Privileges implements Manager.
func (NoManager) Privileges([]byte) [3]byte { return [3]byte{} }

// SetHistoricalBytes implements Manager.
func (NoManager) SetHistoricalBytes(*vm.Call, []byte) bool { return false }

// Register implements Manager.
func (NoManager) Register(*vm.Call, []byte, uint16) bool { return false }

// Deregister implements Manager.
func (NoManager) Deregister(*vm.Call, []byte, uint16) bool { return false }

// Server implements Manager.
func (NoManager) Server(uint16, []byte) ([]byte, bool) { return nil, false }

// EndSession implements Manager.
func (NoManager) EndSession() {}

// Channel implements Manager.
func (NoManager) Channel() Channel { return nil }
