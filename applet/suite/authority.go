package suite

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// The days of the suite's cases. Cards begin with the date floor today.
var (
	yesterday = date(2026, 10, 31)
	today     = date(2026, 11, 1)
	tomorrow  = date(2026, 11, 2)
	nextYear  = date(2027, 11, 1)
	farOff    = date(2035, 12, 31)
	longAgo   = date(2020, 1, 1)
	lastDay   = date(2099, 12, 31) // that a date can say
)

func date(year int, month time.Month, day int) message.Date {
	return message.DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// party is a key with its certificate: an authority or a device.
type party struct {
	key         *ecdsa.PrivateKey
	certificate *cvc.Certificate
	encoded     []byte // the certificate as the wire has it
}

// entry is the content of a certificate. The days may be left out.
type entry struct {
	holder   string
	role     spec.Role
	from, to message.Date
	key      *ecdsa.PublicKey // a new one when nil
}

// selfSigned makes a root.
func (c *caseRun) selfSigned(holder string) *party {
	root := &party{key: c.newKey(), certificate: &cvc.Certificate{Holder: cvc.Holder(holder)}}
	self := c.certify(root, entry{holder: holder, role: spec.RoleRoot, key: &root.key.PublicKey})
	self.key = root.key
	return self
}

// certify issues a certificate. The suite also issues forbidden certificates, which
// cards must refuse.
func (c *caseRun) certify(issuer *party, of entry) *party {
	child := &party{}
	if of.key == nil {
		child.key = c.newKey()
		of.key = &child.key.PublicKey
	}
	if of.from.IsZero() {
		of.from = longAgo
	}
	if of.to.IsZero() {
		of.to = c.certifiedUntil
	}
	if of.to.IsZero() {
		of.to = farOff
	}
	child.certificate = &cvc.Certificate{
		Authority: message.AuthorityRef(issuer.certificate.Holder),
		PublicKey: of.key,
		Holder:    cvc.Holder(of.holder),
		Role:      of.role,
		Effective: of.from,
		Expiry:    of.to,
	}
	c.must(child.certificate.Sign(issuer.key))
	encoded, err := child.certificate.Encode()
	c.must(err)
	child.encoded = encoded
	return child
}

func (c *caseRun) newKey() *ecdsa.PrivateKey {
	for {
		var scalar [spec.ScalarLength]byte
		c.must(entropy.Fill(c.source(), scalar[:]))
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]); err == nil {
			return key
		} // else it is not below the order of the curve, which is rare
	}
}

func (p *party) name() message.Name { return message.Name(p.certificate.Holder[:spec.NameLength]) }

func (p *party) reference() message.AuthorityRef {
	return message.AuthorityRef(p.certificate.Holder)
}

func (p *party) id() message.DeviceID { return message.DeviceID(p.certificate.Holder) }

// intermediary is one of the suite's two banks.
type intermediary struct {
	ca, instructionKey *party
	batch              *party // whose key its cards share
}

// cardScheme is every party but the card.
type cardScheme struct {
	root, nextRoot, unknown *party // nextRoot is linked from root; unknown is not
	link                    *party // root's certificate of nextRoot's key
	notary, crisis          *party
	own, foreign            *intermediary
	serials                 map[message.Name]int // the last of each intermediary's devices
}

// newCardScheme makes the keys of all parties.
func (c *caseRun) newCardScheme() *cardScheme {
	s := &cardScheme{root: c.selfSigned("SERIKSBK00001"), nextRoot: c.selfSigned("SERIKSBK00002"),
		unknown: c.selfSigned("SERIKSBK00009"), serials: map[message.Name]int{}}
	s.link = c.certify(s.root,
		entry{holder: "SERIKSBK00002", role: spec.RoleRoot, key: &s.nextRoot.key.PublicKey})
	s.notary = c.certify(s.root, entry{holder: "SENOTARY00001", role: spec.RoleNotary})
	s.crisis = c.certify(s.root, entry{holder: "SECRISIS00001", role: spec.RoleCrisisKey})
	s.own = c.newIntermediary(s.root, "SENORDIC")
	s.foreign = c.newIntermediary(s.root, "SEFJORDB")
	return s
}

func (c *caseRun) newIntermediary(root *party, name string) *intermediary {
	ca := c.certify(root, entry{holder: name + "00001", role: spec.RoleIntermediary})
	return &intermediary{
		ca: ca,
		instructionKey: c.certify(root,
			entry{holder: name + "00001", role: spec.RoleInstructionKey}),
		batch: c.newBatch(ca),
	}
}

// newBatch makes a batch key.
func (c *caseRun) newBatch(ca *party) *party {
	return c.certify(ca, entry{holder: string(ca.name()) + "B0000001", role: spec.RoleBatch})
}

// nextID returns an id of the intermediary that no device has had, whichever of its CAs is asked.
func (s *cardScheme) nextID(of *intermediary) message.DeviceID {
	name := of.ca.name()
	s.serials[name]++
	return message.DeviceID(fmt.Sprintf("%s%08d", name, s.serials[name]))
}

// device makes a software device of that role.
func (c *caseRun) device(of *intermediary, role spec.Role) *device {
	id := c.world.nextID(of)
	return &device{party: c.certify(of.ca, entry{holder: string(id), role: role}), ca: of.ca}
}
