package catalogue

import (
	"crypto/ecdsa"
	"fmt"
	"io"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
	"ekrona.example/personalization/pki/keys"
)

// Names of the authorities that a stranger makes up. Nobody knows how those of the card's scheme
// are called, but for its bank, which the batch names.
const (
	madeUpRoot = "SERIKSBK00001"
	madeUpBank = "SENORDIC"
	otherBank  = "ZZSTRANG"
)

// stranger is what somebody has who holds a card and knows nothing of it: keys of his own under
// names like those of its scheme.
func stranger(random io.Reader, application *message.FCI) (*attack.Setup, error) {
	m := &maker{random: random}
	bank := madeUpBank
	if application != nil && application.Batch != "" {
		bank = string(application.Batch.Name())
	}
	root := m.root(madeUpRoot)
	s := &attack.Setup{
		Stranger: true, Random: random, Certify: m.certify, NextID: m.nextID, Amount: 100,
		Root: root, UnknownRoot: m.root("SERIKSBK00009"),
		Notary: m.made(root, "SENOTARY00001", spec.RoleNotary),
		Crisis: m.made(root, "SECRISIS00001", spec.RoleCrisisKey),
		Own:    m.bank(root, bank), Foreign: m.bank(root, otherBank),
	}
	s.Device = m.nextID(s.Own)
	s.Certificate = m.made(s.Own.CA, string(s.Device), spec.RoleCard)
	s.Other = m.made(s.Own.CA, string(m.nextID(s.Own)), spec.RoleCard)
	if m.failed != nil {
		return nil, m.failed
	}
	s.Public, s.PINKey = s.Certificate.Certificate.PublicKey, s.Other.Certificate.PublicKey
	wrong, err := pin.NewBlock("0000")
	if err != nil {
		return nil, err
	}
	puk, err := pin.NewPUKBlock("00000000")
	if err != nil {
		return nil, err
	}
	s.PIN, s.PUK = wrong[:], puk[:]
	s.Next = message.Instruction{
		InstructionKey: message.AuthorityRef(s.Own.InstructionKey.Certificate.Holder),
		Notary:         message.AuthorityRef(s.Notary.Certificate.Holder), Device: s.Device,
		Sequence: 1, Credit: 100, Policy: message.DefaultPolicy(), Date: today(), OrderNumber: 1,
	}
	s.Former, err = m.signed(s.Next, s.Own.InstructionKey, s.Notary)
	return s, err
}

func today() message.Date { return message.DateOf(time.Now()) }

// maker makes a stranger's keys and certificates. It keeps the first error.
type maker struct {
	random  io.Reader
	serials int
	failed  error
}

// key draws a key; nil after the first error.
func (m *maker) key() *ecdsa.PrivateKey {
	if m.failed != nil {
		return nil
	}
	key, err := keys.Generate(m.random)
	m.keep(err)
	return key
}

// root makes a key that certifies itself.
func (m *maker) root(holder string) attack.Identity {
	key := m.key()
	if m.failed != nil {
		return attack.Identity{}
	}
	own := attack.Identity{Signer: key, Certificate: &cvc.Certificate{Holder: cvc.Holder(holder)}}
	made, err := m.certify(own, attack.Subject{Holder: holder, Role: spec.RoleRoot,
		Key: &key.PublicKey})
	m.keep(err)
	made.Signer = key
	return made
}

func (m *maker) keep(err error) {
	if m.failed == nil {
		m.failed = err
	}
}

// made makes a key that another certifies.
func (m *maker) made(by attack.Identity, holder string, role spec.Role) attack.Identity {
	if m.failed != nil {
		return attack.Identity{}
	}
	made, err := m.certify(by, attack.Subject{Holder: holder, Role: role})
	m.keep(err)
	return made
}

func (m *maker) bank(root attack.Identity, name string) attack.Intermediary {
	ca := m.made(root, name+"00001", spec.RoleIntermediary)
	return attack.Intermediary{CA: ca,
		InstructionKey: m.made(root, name+"00001", spec.RoleInstructionKey),
		Batch:          m.made(ca, name+"B0000001", spec.RoleBatch)}
}

func (m *maker) nextID(of attack.Intermediary) message.DeviceID {
	m.serials++
	if of.CA.Certificate == nil { // it could not be made
		return ""
	}
	return message.DeviceID(fmt.Sprintf("%s%08d", of.CA.Certificate.Holder[:spec.NameLength],
		m.serials))
}

// certify implements Certify of a setup.
func (m *maker) certify(
	issuer attack.Identity, of attack.Subject,
) (made attack.Identity, err error) {
	if of.Key == nil {
		key := m.key()
		if m.failed != nil {
			return made, m.failed
		}
		made.Signer, of.Key = key, &key.PublicKey
	}
	certificate := &cvc.Certificate{Authority: message.AuthorityRef(issuer.Certificate.Holder),
		PublicKey: of.Key, Holder: cvc.Holder(of.Holder), Role: of.Role,
		Effective: today().AddDays(-1000), Expiry: today().AddDays(1000)}
	switch {
	case of.Expired:
		certificate.Expiry = today().AddDays(-900)
	case !of.Last.IsZero():
		certificate.Expiry = of.Last
	}
	if err := certificate.Sign(issuer.Signer); err != nil {
		return made, err
	}
	made.Certificate = certificate
	made.Encoded, err = certificate.Encode()
	return made, err
}

func (m *maker) signed(i message.Instruction, by, notary attack.Identity) ([]byte, error) {
	if err := message.SignAs(&i, message.ByIntermediary, by.Signer); err != nil {
		return nil, err
	}
	if err := message.SignAs(&i, message.ByNotary, notary.Signer); err != nil {
		return nil, err
	}
	return message.Encode(&i)
}
