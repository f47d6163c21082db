package suite

import (
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
		s.answers(spec.SWReferenceUnknown, present, c.world.unknown.encoded)
		s.answers(spec.SWReferenceUnknown, present, c.world.link.encoded)
		s.answers(spec.SWCertificate, present, flipLast(c.world.root.encoded))
		s.answers(spec.SWReferenceUnknown, present, s.bank.ca.encoded)
		s.learnCA(c.world.root, s.bank.ca)
	}},
	{"an anchor that is no self-signed root's is refused", func(c *caseRun) {
		for what, other := range map[string]*party{"intermediary": c.world.own.ca,
			"link": c.world.link} {
			s := c.install(func(p *message.InstallParameters) {
				anchor, err := other.certificate.Anchor()
				c.must(err)
				p.RootAnchor = anchor
			})
			assert.EqualValues(c, spec.SWRole,
				s.exchange(spec.VerifyCertificate.Only(), other.encoded).SW, what)
		}
		old := c.certify(c.world.unknown,
			entry{holder: "SERIKSBK00009", role: spec.RoleRoot, key: &c.world.unknown.key.PublicKey,
				to: yesterday})
		s := c.install(func(p *message.InstallParameters) {
			anchor, err := old.certificate.Anchor()
			c.must(err)
			p.RootAnchor = anchor
		})
		s.answers(spec.SWExpired, spec.VerifyCertificate.Only(), old.encoded)
	}},
	{"an authority's certificate is taken until its last day, and again", func(c *caseRun) {
		s := c.install()
		s.learnCA(c.world.root)
		s.learnCA(s.bank.ca, s.bank.ca)
		s.learnCA(c.certify(c.world.root,
			entry{holder: string(s.bank.ca.name()) + "00002", role: spec.RoleIntermediary,
				to: today}))
	}},
	{"the own CA stays, the others take turns", func(c *caseRun) {
		s := c.loaded(10000)
		terminals := make([]*device, spec.CACache)
		for n := range terminals {
			bank := &intermediary{ca: c.certify(c.world.root,
				entry{holder: fmt.Sprintf("SEBANK%02d00001", n), role: spec.RoleIntermediary})}
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
			s.learnCA(d.ca)
			assert.Equal(c, known, pay(d))
		}
		assert.Equal(c, unknown, pay(terminals[0]), "the first has been pushed out by the fourth")
		for _, d := range terminals[1:] {
			assert.Equal(c, known, pay(d))
		}
		assert.Equal(c, known, pay(c.device(s.bank, spec.RoleTerminal)), "the own CA stays")
		for round := range 2 * len(terminals) { // and so on in turn
			s.learnCA(terminals[round%len(terminals)].ca)
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
		merchant := c.device(c.world.foreign, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		s.enterPIN()
		s.answers(spec.SWReferenceUnknown, spec.Pay.Only(), c.encode(r), merchant.encoded)
		s.learnCA(c.world.foreign.ca)
		s.payVerified(merchant, r)
	}},
	{"a CA's later certificate counts, an earlier one changes nothing", func(c *caseRun) {
		s := c.loaded(5000)
		until := func(end message.Date) *party {
			return c.certify(c.world.root,
				entry{holder: "SEFJORDB00001", role: spec.RoleIntermediary,
					key: &c.world.foreign.ca.key.PublicKey, to: end})
		}
		merchant := c.device(c.world.foreign, spec.RoleTerminal)
		s.learnCA(until(today))
		s.pay(merchant, c.request(merchant, 100, ""))
		s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
		s.enterPIN()
		s.refuses(spec.SWExpired, merchant, c.encode(c.request(merchant, 100, "")))
		s.learnCA(until(nextYear), until(tomorrow), until(nextYear))
		s.payVerified(merchant, c.request(merchant, 100, ""))
		s.instruct(func(i *message.Instruction) { i.Date = nextYear })
		s.pay(merchant, c.request(merchant, 100, ""))
	}},
	{"a link leads to the next root, and the one before still counts", func(c *caseRun) {
		s := c.active()
		late := c.certify(c.world.nextRoot,
			entry{holder: "SEBANK9100001", role: spec.RoleIntermediary})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), late.encoded)
		s.learnCA(c.world.link, late)
		s.learnCA(c.certify(c.world.root,
			entry{holder: "SEBANK9200001", role: spec.RoleIntermediary}))
		s.learnCA(c.world.link) // again: known, nothing changes

		back := c.certify(c.world.root, entry{holder: "SERIKSBK00003", role: spec.RoleRoot})
		s.answers(spec.SWRole, spec.VerifyCertificate.Only(), back.encoded)
		third := c.certify(c.world.nextRoot, entry{holder: "SERIKSBK00003", role: spec.RoleRoot})
		s.learnCA(third)
		forgotten := c.certify(c.world.root,
			entry{holder: "SEBANK9300001", role: spec.RoleIntermediary})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), forgotten.encoded)
		s.learnCA(c.certify(third, entry{holder: "SEBANK9300001", role: spec.RoleIntermediary}))
	}},
	{"a new instruction key and a new notary take the place of the old", func(c *caseRun) {
		s := c.loaded(1000)
		old := c.encode(s.challenge())
		next := c.certify(c.world.root,
			entry{holder: string(s.bank.ca.name()) + "00002", role: spec.RoleInstructionKey})
		s.learnCA(next)
		s.answers(spec.SWReferenceUnknown, spec.GetState.Only(), old)
		s.learnCA(s.bank.instructionKey)
		s.state()
		i := s.sign(s.next())
		s.learnCA(c.certify(c.world.root, entry{holder: "SENOTARY00002", role: spec.RoleNotary}))
		s.answers(spec.SWReferenceUnknown, spec.Instruct.Only(), i)
		s.learnCA(c.world.notary)
		s.instruct()
	}},
}
