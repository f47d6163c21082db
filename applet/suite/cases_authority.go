package suite

import (
	"bytes"
	"fmt"

	"github.com/stretchr/testify/assert"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
)

var authorityCases = []testCase{
	{"the first root is the one of the anchor", func(c *caseRun) {
		s := c.install()
		present := spec.VerifyCertificate.Only()
		s.answers(spec.SWReferenceUnknown, present, s.bank.ca.encoded)
		s.answers(spec.SWReferenceUnknown, present, c.world.stranger.encoded)
		s.answers(spec.SWReferenceUnknown, present, c.world.link.encoded)
		s.answers(spec.SWCertificate, present, flipLast(c.world.root.encoded))
		s.answers(spec.SWReferenceUnknown, present, s.bank.ca.encoded)
		s.meet(c.world.root, s.bank.ca)
	}},
	{"an anchor that is no self-signed root's is refused", func(c *caseRun) {
		for what, other := range map[string]*party{"intermediary": c.world.own.ca, "link": c.world.link} {
			s := c.install(func(p *message.InstallParameters) {
				anchor, err := other.certificate.Anchor()
				c.must(err)
				p.RootAnchor = anchor
			})
			assert.EqualValues(c, spec.SWRole, s.exchange(spec.VerifyCertificate.Only(), other.encoded).SW, what)
		}
		old := c.certify(c.world.stranger, entry{holder: "SERIKSBK00009", role: spec.RoleRoot, key: &c.world.stranger.key.PublicKey, to: yesterday})
		s := c.install(func(p *message.InstallParameters) {
			anchor, err := old.certificate.Anchor()
			c.must(err)
			p.RootAnchor = anchor
		})
		s.answers(spec.SWExpired, spec.VerifyCertificate.Only(), old.encoded)
	}},
	{"an authority's certificate is authentic and for this card or is refused", func(c *caseRun) {
		s := c.install()
		s.meet(c.world.root)
		own := string(c.world.own.ca.name())
		good := s.bank.ca.encoded
		for _, tt := range []struct {
			what string
			sw   apdu.StatusWord
			cert []byte
		}{
			{"wrong signature", spec.SWCertificate, flipLast(good)},
			{"signed by another root of that name", spec.SWCertificate,
				c.certify(&party{key: c.world.stranger.key, certificate: c.world.root.certificate}, entry{holder: own + "00001", role: spec.RoleIntermediary}).encoded},
			{"a root that nobody knows", spec.SWReferenceUnknown, c.certify(c.world.stranger, entry{holder: own + "00001", role: spec.RoleIntermediary}).encoded},
			{"certified by an intermediary", spec.SWReferenceUnknown, c.certify(s.bank.ca, entry{holder: own + "00007", role: spec.RoleIntermediary}).encoded},
			{"expired", spec.SWExpired, c.certify(c.world.root, entry{holder: own + "00001", role: spec.RoleIntermediary, to: yesterday}).encoded},
			{"another bank's instruction key", spec.SWRole, c.world.foreign.instructionKey.encoded},
			{"a link to another name", spec.SWRole, c.certify(c.world.root, entry{holder: own + "00009", role: spec.RoleRoot}).encoded},
			{"a link backwards", spec.SWRole, c.certify(c.world.root, entry{holder: "SERIKSBK00000", role: spec.RoleRoot}).encoded},
			{"cut short", spec.SWWrongData, good[:len(good)-1]},
			{"one byte more", spec.SWWrongData, append(bytes.Clone(good), 0)},
			{"a device's certificate", spec.SWWrongData, c.device(s.bank, spec.RoleTerminal).encoded},
			{"no certificate", spec.SWWrongData, []byte{0x30, 0x00}},
		} {
			assert.Equal(c, tt.sw, s.exchange(spec.VerifyCertificate.Only(), tt.cert).SW, tt.what)
		}
		s.meet(s.bank.ca, s.bank.ca)
		s.meet(c.certify(c.world.root, entry{holder: own + "00002", role: spec.RoleIntermediary, to: today}))
	}},
	{"a role that no authority has is refused", func(c *caseRun) {
		s := c.install()
		s.meet(c.world.root)
		encoded := c.certificateOfRole(c.world.root, s.bank.ca, 0x7E)
		s.answers(spec.SWRole, spec.VerifyCertificate.Only(), encoded)
	}},
	{"the own CA stays, the others take turns", func(c *caseRun) {
		s := c.loaded(10000)
		terminals := make([]*device, spec.CACache)
		for n := range terminals {
			bank := &intermediary{ca: c.certify(c.world.root, entry{holder: fmt.Sprintf("SEBANK%02d00001", n), role: spec.RoleIntermediary})}
			terminals[n] = c.device(bank, spec.RoleTerminal)
		}
		s.enterPIN()
		pay := func(d *device) apdu.StatusWord {
			r := c.request(d, 1000000, "") // above the balance: the limit comes after the CA
			return s.exchange(spec.Pay.Only(), c.encode(r), d.encoded).SW
		}
		known := apdu.StatusWord(spec.SWPaymentLimit)
		unknown := apdu.StatusWord(spec.SWReferenceUnknown)
		for _, d := range terminals {
			assert.Equal(c, unknown, pay(d))
			s.meet(d.ca)
			assert.Equal(c, known, pay(d))
		}
		assert.Equal(c, unknown, pay(terminals[0]), "the first has been pushed out by the fourth")
		for _, d := range terminals[1:] {
			assert.Equal(c, known, pay(d))
		}
		assert.Equal(c, known, pay(c.device(s.bank, spec.RoleTerminal)), "the own CA stays")
		for round := range 2 * len(terminals) { // and so on in turn
			s.meet(terminals[round%len(terminals)].ca)
			for n, d := range terminals {
				want := known
				if n == (round+1)%len(terminals) {
					want = unknown
				}
				assert.Equal(c, want, pay(d), "terminal %d after round %d", n, round)
			}
			assert.Equal(c, known, pay(c.device(s.bank, spec.RoleTerminal)), "the own CA stays")
		}
	}},
	{"a CA not met before: the card asks for it, keeps the PIN, and pays", func(c *caseRun) {
		s := c.loaded(10000)
		shop := c.device(c.world.foreign, spec.RoleTerminal)
		r := c.request(shop, 2500, "")
		s.enterPIN()
		s.answers(spec.SWReferenceUnknown, spec.Pay.Only(), c.encode(r), shop.encoded)
		s.meet(c.world.foreign.ca)
		s.payVerified(shop, r)
	}},
	{"a CA's later certificate counts, an earlier one changes nothing", func(c *caseRun) {
		s := c.loaded(5000)
		until := func(end message.Date) *party {
			return c.certify(c.world.root, entry{holder: "SEFJORDB00001", role: spec.RoleIntermediary, key: &c.world.foreign.ca.key.PublicKey, to: end})
		}
		shop := c.device(c.world.foreign, spec.RoleTerminal)
		s.meet(until(today))
		s.pay(shop, c.request(shop, 100, ""))
		s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
		s.enterPIN()
		s.refuses(spec.SWExpired, shop, c.encode(c.request(shop, 100, "")))
		s.meet(until(nextYear), until(tomorrow), until(nextYear))
		s.payVerified(shop, c.request(shop, 100, ""))
		s.instruct(func(i *message.Instruction) { i.Date = nextYear })
		s.pay(shop, c.request(shop, 100, ""))
	}},
	{"a certificate whose point is none is refused", func(c *caseRun) {
		s := c.install()
		s.meet(c.world.root)
		for what, spoil := range noPoints {
			encoded := c.forgeCertificate(s.bank.ca.encoded, c.world.root, func(body []byte) { spoil(pointIn(body)) })
			assert.EqualValues(c, spec.SWCertificate, s.exchange(spec.VerifyCertificate.Only(), encoded).SW, what)
		}
		s.meet(s.bank.ca)
	}},
	{"a certificate that ends before it begins is refused", func(c *caseRun) {
		s := c.install()
		s.meet(c.world.root)
		encoded := c.forgeCertificate(s.bank.ca.encoded, c.world.root, func(body []byte) {
			begin := bytes.Index(body, []byte{0x5F, 0x25, spec.DateLength}) + 3
			end := bytes.Index(body, []byte{0x5F, 0x24, spec.DateLength}) + 3
			copy(body[begin:], body[end:end+spec.DateLength])
			body[begin+spec.DateLength-1]++ // from 35-12-31 to the next
			body[begin+spec.DateLength-1] %= 10
			body[end+1]-- // and a year earlier
		})
		s.answers(spec.SWWrongData, spec.VerifyCertificate.Only(), encoded)
	}},
	{"a link leads to the next root, and the one before still counts", func(c *caseRun) {
		s := c.active()
		late := c.certify(c.world.nextRoot, entry{holder: "SEBANK9100001", role: spec.RoleIntermediary})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), late.encoded)
		s.meet(c.world.link, late)
		s.meet(c.certify(c.world.root, entry{holder: "SEBANK9200001", role: spec.RoleIntermediary}))
		s.meet(c.world.link) // again: known, nothing changes

		back := c.certify(c.world.root, entry{holder: "SERIKSBK00003", role: spec.RoleRoot})
		s.answers(spec.SWRole, spec.VerifyCertificate.Only(), back.encoded)
		third := c.certify(c.world.nextRoot, entry{holder: "SERIKSBK00003", role: spec.RoleRoot})
		s.meet(third)
		forgotten := c.certify(c.world.root, entry{holder: "SEBANK9300001", role: spec.RoleIntermediary})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), forgotten.encoded)
		s.meet(c.certify(third, entry{holder: "SEBANK9300001", role: spec.RoleIntermediary}))
	}},
	{"a new instruction key and a new notary take the place of the old", func(c *caseRun) {
		s := c.loaded(1000)
		old := c.encode(s.challenge())
		next := c.certify(c.world.root, entry{holder: string(s.bank.ca.name()) + "00002", role: spec.RoleInstructionKey})
		s.meet(next)
		s.answers(spec.SWReferenceUnknown, spec.GetState.Only(), old)
		s.meet(s.bank.instructionKey)
		s.state()
		i := s.sign(s.next())
		s.meet(c.certify(c.world.root, entry{holder: "SENOTARY00002", role: spec.RoleNotary}))
		s.answers(spec.SWReferenceUnknown, spec.Instruct.Only(), i)
		s.meet(c.world.notary)
		s.instruct()
	}},
}

// noPoints are what a card recognises as no uncompressed point before it computes.
var noPoints = map[string]func(point []byte){
	"compressed form": func(point []byte) { point[0] = 0x02 },
	"infinity":        func(point []byte) { clear(point) },
}

// pointIn finds the public point in the body of a certificate.
func pointIn(body []byte) []byte {
	return body[bytes.Index(body, []byte{byte(spec.TagPoint), spec.PointLength, 0x04})+2:][:spec.PointLength]
}

// certificateOfRole is a CA's certificate with a role that package cvc would not
// encode.
func (c *caseRun) certificateOfRole(root, like *party, role byte) []byte {
	return c.forgeCertificate(like.encoded, root, func(body []byte) {
		at := bytes.Index(body, []byte{byte(spec.TagRole), 1, byte(like.certificate.Role)})
		body[at+2] = role
	})
}
