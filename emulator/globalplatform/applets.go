package globalplatform

import (
	"crypto/aes"
	"crypto/cipher"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// applets is the manager as applets see it through org.globalplatform. All of them
// belong to the issuer security domain and use its keys. Service parameters (GPC tag CB)
// are not recorded: an applet with the privilege may register any service name that is
// free. The historical bytes of the answer to reset are the product's.
type applets struct{ card *Card }

var (
	_ card.Manager = applets{}
	_ api.Channel  = applets{}
)

// serving runs what an applet asks for: changes of the record go through its call.
func (m applets) serving(call *vm.Call, do func()) {
	m.card.caller = call
	defer func() { m.card.caller = nil }()
	do()
}

// change updates the record for an applet, and reports whether it fits.
func (m applets) change(call *vm.Call, change func(*state)) (done bool) {
	m.serving(call, func() { done = m.card.update(change) == nil })
	return done
}

// CardState implements api.Manager.
func (m applets) CardState() byte { return byte(m.card.state.life) }

// SetCardState implements api.Manager.
func (m applets) SetCardState(call *vm.Call, to byte) (done bool) {
	m.serving(call, func() { done = m.card.setCardStatus(gpc.LifeCycle(to)) == nil })
	return done
}

// Domain implements api.Manager.
func (m applets) Domain() []byte { return m.card.state.aid }

// Life implements api.Manager.
func (m applets) Life(_ *vm.Call, applet []byte) (byte, bool) {
	if !m.card.hasApplet(applet) { // it is being installed
		return byte(gpc.Installed), false
	}
	return byte(m.card.state.app(applet).life), true
}

// SetLife implements api.Manager.
func (m applets) SetLife(call *vm.Call, applet []byte, to byte) bool {
	return m.change(call, func(s *state) {
		a := s.app(applet)
		a.life = gpc.LifeCycle(to)
		s.setApp(a)
	})
}

// Privileges implements api.Manager.
func (m applets) Privileges(applet []byte) [3]byte {
	p := m.card.state.app(applet).privileges
	return [3]byte{byte(p >> 16), byte(p >> 8), byte(p)}
}

// SetHistoricalBytes implements api.Manager.
func (applets) SetHistoricalBytes(*vm.Call, []byte) bool { return false }

// Register implements api.Manager.
func (m applets) Register(call *vm.Call, applet []byte, name uint16) bool {
	for _, v := range m.card.state.services {
		if v.name == name {
			return false
		}
	}
	return m.change(call,
		func(s *state) { s.services = append(s.services, service{name, card.AID(applet)}) })
}

// Deregister implements api.Manager.
func (m applets) Deregister(call *vm.Call, applet []byte, name uint16) bool {
	wanted := func(v service) bool { return v.name == name && string(v.applet) == string(applet) }
	for _, v := range m.card.state.services {
		if wanted(v) {
			return m.change(call, func(s *state) { s.services = deleteFunc(s.services, wanted) })
		}
	}
	return false
}

// EndSession implements api.Manager. A session of the security domain's own is not the
// applet's to end.
func (m applets) EndSession() {
	if !m.card.selected {
		m.card.endSession()
	}
}

// familyMask leaves the family of a service name; the whole family is served under the
// name that ends in a byte of zero.
const familyMask = 0xFF00

// Server implements api.Manager.
func (m applets) Server(name uint16, server []byte) ([]byte, bool) {
	for _, wanted := range []uint16{name, name & familyMask} {
		for _, v := range m.card.state.services {
			if v.name == wanted && (server == nil || string(v.applet) == string(server)) {
				return v.applet, true
			}
		}
	}
	return nil, false
}

// Channel implements api.Manager.
func (m applets) Channel() api.Channel { return m }

// levelAuthenticated is SecureChannel.AUTHENTICATED; the other bits of its level are
// those of SCP03.
const levelAuthenticated = 0x80

// Process implements api.Channel.
func (m applets) Process(call *vm.Call, command apdu.Command) (data []byte, err error) {
	m.serving(call, func() {
		switch {
		case command.CLA&^gpc.SecureBit != gpc.ClassPlain:
			err = apdu.SWClass
		case command.INS == gpc.InsInitializeUpdate && command.CLA == gpc.ClassPlain:
			data, err = m.card.initializeUpdate(command)
		case command.INS == gpc.InsExternalAuthenticate && command.CLA == gpc.ClassSecure:
			data, err = m.card.externalAuthenticate(command)
		case command.INS == gpc.InsInitializeUpdate, command.INS == gpc.InsExternalAuthenticate:
			err = apdu.SWClass
		default:
			err = apdu.SWInstruction
		}
	})
	return data, err
}

// Unwrap implements api.Channel.
func (m applets) Unwrap(command apdu.Command) (apdu.Command, error) {
	s := m.card.session
	switch {
	case s != nil && s.aborted:
		return command, apdu.SWSecurity
	case !s.authenticated():
		if command.CLA&gpc.SecureBit != 0 {
			return command, apdu.SWSecurity
		}
		return command, nil
	}
	plain, err := s.responder.Unwrap(command)
	if err != nil {
		s.aborted = true
		return command, apdu.SWSecurity
	}
	return plain, nil
}

// Wrap implements api.Channel.
func (m applets) Wrap(response apdu.Response) ([]byte, error) {
	s := m.card.session
	switch {
	case s != nil && s.aborted:
		return nil, apdu.SWSecurity
	case !s.authenticated():
		return response.Data, nil
	}
	wrapped, err := s.responder.Wrap(response)
	return wrapped.Data, err
}

// Decrypt implements api.Channel.
func (m applets) Decrypt(data []byte) ([]byte, error) {
	return m.crypt(data, cipher.NewCBCDecrypter)
}

// Encrypt implements api.Channel.
func (m applets) Encrypt(data []byte) ([]byte, error) {
	return m.crypt(data, cipher.NewCBCEncrypter)
}

// crypt is CBC under Key-DEK with a chaining value of zero, of whole blocks (Amd D 1.2
// §6.2.8).
func (m applets) crypt(
	data []byte, mode func(cipher.Block, []byte) cipher.BlockMode,
) ([]byte, error) {
	s := m.card.session
	if !s.authenticated() {
		return nil, apdu.SWSecurity
	}
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, apdu.SWWrongLength
	}
	block, err := aes.NewCipher(s.dek)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(data))
	mode(block, make([]byte, aes.BlockSize)).CryptBlocks(out, data)
	return out, nil
}

// Level implements api.Channel.
func (m applets) Level() byte {
	if !m.card.session.authenticated() {
		return 0
	}
	return levelAuthenticated | byte(m.card.session.responder.Level())
}

// SetLevel implements api.Channel.
func (m applets) SetLevel(level byte) error {
	s, wanted := m.card.session, scp03.Level(level&^levelAuthenticated)
	if !s.authenticated() || !wanted.Valid() || wanted&s.least != s.least {
		return apdu.SWConditions
	}
	s.responder.SetLevel(wanted)
	return nil
}

// Reset implements api.Channel.
func (m applets) Reset() { m.card.endSession() }
