package suite

import (
	"time"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// crisisCases are how a card takes, keeps, shows and drops a crisis order.
var crisisCases = []testCase{
	{"a crisis order is taken once, replaced by a higher number, and shown to anybody",
		func(c *caseRun) {
			s := c.active()
			certificate := c.variant(spec.GetData, "crisis certificate")
			s.auditOrder()
			s.answers(spec.SWReferenceUnknown, certificate)
			s.learnCA(c.world.crisis)
			s.auditOrder()
			assert.Equal(c, c.world.crisis.encoded, s.succeeds(certificate))
			take := spec.TakeCrisisOrder.Only()
			for n := range spec.MaxOrderRows + 1 {
				var rows []message.CrisisRow
				for g := range n {
					rows = append(rows, message.CrisisRow{Group: uint8(g), MaxSpent: 1})
				}
				o := c.crisisOrder(uint32(10*n+5), rows...)
				s.take(o)
				s.auditOrder()
				s.audit()
				s.answers(spec.SWOrderOld, take, c.encode(o))
				o.Until = farOff
				s.answers(spec.SWOrderOld, take, c.signOrder(o))
				o.Until = nextYear
				s.answers(spec.SWOrderOld, take, c.signOrder(c.crisisOrder(uint32(10*n+4))))
				c.signOrder(o)
			}
			s.newTap()
			s.answers(spec.SWOrderOld, take, c.encode(s.model.order))
		}},
	{"a card takes crisis orders while it is active or blocked", func(c *caseRun) {
		s := c.personalized()
		take := spec.TakeCrisisOrder.Only()
		s.learnCA(c.world.crisis)
		s.answers(spec.SWConditions, take, c.signOrder(c.crisisOrder(1)))
		s.activate()
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionBlock })
		s.take(c.crisisOrder(1, crisisRow()))
		s.auditOrder()
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionClose })
		s.auditOrder()
		s.answers(spec.SWClosed, take, c.signOrder(c.crisisOrder(2)))
		s.answers(spec.SWReferenceUnknown, c.variant(spec.GetData, "crisis certificate"))
	}},
	{"a crisis order wants a known crisis key, and any notary of the session", func(c *caseRun) {
		s := c.active()
		take := spec.TakeCrisisOrder.Only()
		o := c.crisisOrder(1)
		s.answers(spec.SWReferenceUnknown, take, c.signOrder(o))
		s.learnCA(c.world.crisis)
		notary := c.certify(c.world.root, entry{holder: "SENOTARY00002", role: spec.RoleNotary})
		s.answers(spec.SWReferenceUnknown, take, c.signOrderBy(o, c.world.crisis, notary))
		s.learnCA(notary)
		s.succeeds(take, c.signOrderBy(o, c.world.crisis, notary))
		s.model.order = o
		s.newTap()
		s.answers(spec.SWReferenceUnknown, take,
			c.signOrderBy(c.crisisOrder(2), c.world.crisis, notary)) // no order stores a notary
		s.take(c.crisisOrder(2))
	}},
	{"a crisis order ends with its signers' certificates", func(c *caseRun) {
		s := c.active()
		take := spec.TakeCrisisOrder.Only()
		brief := c.certify(c.world.root,
			entry{holder: "SECRISIS00001", role: spec.RoleCrisisKey, to: nextYear,
				key: &c.world.crisis.key.PublicKey})
		s.learnCA(brief)
		o := c.crisisOrder(1)
		o.Until = nextYear.AddDays(1)
		s.answers(spec.SWDate, take, c.signOrder(o))
		s.take(c.crisisOrder(1))
		s.learnCA(c.world.crisis) // the same key, with a later end: what it has signed stays
		s.auditOrder()
		o.Number = 2
		s.take(o)
		o = c.crisisOrder(3)
		o.Until = farOff.AddDays(1)
		s.answers(spec.SWDate, take, c.signOrder(o))
		o.Until = farOff
		s.take(o)
		// A certificate that ends after its root's is good until the root's ends.
		s.learnCA(c.world.link)
		late := c.certify(c.world.nextRoot,
			entry{holder: "SECRISIS00002", role: spec.RoleCrisisKey, to: farOff.AddDays(2)})
		s.learnCA(late)
		s.model.order = nil
		o = c.crisisOrder(4)
		o.Until = farOff.AddDays(1)
		s.answers(spec.SWDate, take, c.signOrderBy(o, late, c.world.notary))
	}},
	{"a newer crisis key is stored at once, and drops what the former has signed",
		func(c *caseRun) {
			s := c.active()
			present, take := spec.VerifyCertificate.Only(), spec.TakeCrisisOrder.Only()
			until := func(root *party, holder string, end message.Date) *party {
				return c.certify(root, entry{holder: holder, role: spec.RoleCrisisKey, to: end})
			}
			first := until(c.world.root, "SECRISIS00002", nextYear)
			s.learnCA(first)
			o := c.crisisOrder(0xFFFFFFFF, crisisRow())
			s.succeeds(take, c.signOrderBy(o, first, c.world.notary))
			s.model.order = o
			s.audit()
			s.answers(spec.SWDate, present, until(c.world.root, "SECRISIS00003", nextYear).encoded)
			s.answers(spec.SWKeyKnown, present,
				until(c.world.root, "SECRISIS00002", farOff).encoded)
			s.newTap()
			s.auditOrder() // what was refused has dropped nothing

			second := until(c.world.root, "SECRISIS00003", nextYear.AddDays(1))
			s.learnCA(second)
			s.model.order = nil
			s.newTap()
			s.auditOrder()
			assert.Equal(c, second.encoded, s.succeeds(c.variant(spec.GetData,
				"crisis certificate")))
			s.answers(spec.SWDate, present, first.encoded)
			s.answers(spec.SWReferenceUnknown, take, c.signOrderBy(o, first, c.world.notary))
			o = c.crisisOrder(7)
			s.succeeds(take, c.signOrderBy(o, second, c.world.notary))
			s.model.order = o
			s.learnCA(second)
			s.auditOrder()

			s.learnCA(c.world.link)
			third := until(c.world.nextRoot, "SECRISIS00004", nextYear) // by a later root
			s.learnCA(third)
			s.model.order = nil
			s.auditOrder()
			late := until(c.world.root, "SECRISIS00005", farOff)
			s.answers(spec.SWReferenceUnknown, present, late.encoded)
			s.newTap()
			s.succeeds(take, c.signOrderBy(o, third, c.world.notary))
			s.model.order = o
		}},
	{"the former root's crisis key counts until the next root's", func(c *caseRun) {
		s := c.active()
		s.learnCA(c.world.link, c.world.crisis)
		s.take(c.crisisOrder(3, crisisRow()))
		s.learnCA(c.certify(c.world.nextRoot, entry{holder: "SECRISIS00001",
			role: spec.RoleCrisisKey, key: &c.world.crisis.key.PublicKey, to: nextYear}))
		s.auditOrder() // the same key
		s.learnCA(c.world.crisis)
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), c.certify(c.world.root,
			entry{holder: "SECRISIS00002", role: spec.RoleCrisisKey}).encoded)
	}},
	{"a crisis key does not push out what the session has kept", func(c *caseRun) {
		for range 8 { // which of the two places is first is drawn
			s := c.loaded(1000)
			key := c.certify(c.world.root,
				entry{holder: string(s.bank.ca.name()) + "00002", role: spec.RoleInstructionKey})
			notary := c.certify(c.world.root,
				entry{holder: "SENOTARY00002", role: spec.RoleNotary})
			s.newTap()
			s.learnCA(c.world.crisis, notary, key)
			s.state()
			i := s.next()
			s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.signBy(i, key, notary)))
			s.bank = &intermediary{ca: s.bank.ca, instructionKey: key}
		}
	}},
	{"an Instruction's lowest number drops lower orders and keeps the others", func(c *caseRun) {
		s := c.active()
		take := spec.TakeCrisisOrder.Only()
		s.learnCA(c.world.crisis)
		lowest := func(n uint32) {
			c.Helper()
			s.instruct(func(i *message.Instruction) { i.OrderNumber = n })
			s.auditOrder()
			s.audit()
		}
		s.take(c.crisisOrder(5))
		lowest(5) // in mid-crisis
		lowest(4) // an Instruction that is older than the order
		assert.NotNil(c, s.model.order)
		lowest(6)
		assert.Nil(c, s.model.order)
		s.answers(spec.SWOrderOld, take, c.signOrder(c.crisisOrder(5)))
		s.take(c.crisisOrder(6))
		lowest(0xFFFFFFFF)
		s.answers(spec.SWOrderOld, take, c.signOrder(c.crisisOrder(7)))
		lowest(7)
		s.take(c.crisisOrder(7))
		lowest(8)
		lowest(0) // as 1
		s.take(c.crisisOrder(1))
	}},
	{"a card begins with the lowest number and the group of its first PIN", func(c *caseRun) {
		s := c.install()
		s.lowestOrder, s.group = 9, 3
		s.learnCA(c.world.root, c.world.notary, s.bank.ca, s.bank.instructionKey)
		s.makeKeys()
		s.storeCertificate()
		s.storeBatchKey()
		s.storePIN()
		s.activate()
		s.learnCA(c.world.crisis)
		s.auditOrder()
		s.answers(spec.SWOrderOld, spec.TakeCrisisOrder.Only(), c.signOrder(c.crisisOrder(8)))
		s.take(c.crisisOrder(9))
		s.enterPIN()
		group := func() uint8 {
			counters, err := message.ParseCounters(s.succeeds(c.variant(spec.GetData, "counters")))
			c.must(err)
			return counters.Group
		}
		assert.EqualValues(c, 3, group())
		s.instruct(func(i *message.Instruction) { i.Group = 0xFF })
		assert.EqualValues(c, 0xFF, group())
		s.instruct(func(i *message.Instruction) { i.Group = 0 })
		assert.EqualValues(c, 0, group())
	}},
	{"PAY goes on after a crisis order that came between SELECT and it", func(c *caseRun) {
		s := c.loaded(1000)
		s.learnCA(c.world.crisis)
		merchant := c.device(s.bank, spec.RoleTerminal)
		for n := range uint32(2) {
			p := s.sealedPay("batch", merchant, 100)
			selected := s.selectApplet()
			s.take(c.crisisOrder(n+1, crisisRow()))
			a := p.agree(selected)
			opened := p.open(a, s.succeeds(p.variant, p.withPIN(a, ownPIN)...))
			s.enterPayment(p.request, opened.Payment)
		}
	}},
	{"PAY takes the first and the last day of each month", func(c *caseRun) {
		s := c.loaded(1000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		for _, year := range []int{2000, 2026, 2099} {
			for month := time.January; month <= time.December; month++ {
				first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
				for _, day := range []time.Time{first, first.AddDate(0, 1, -1)} {
					s.enterPIN()
					r := c.requestOn(message.DateOf(day), merchant, 1, "")
					s.payVerified(merchant, r)
				}
				s.acknowledge(s.model.atc())
			}
		}
	}},
	{"a terminal's Request has a date and a card's has none", func(c *caseRun) {
		s := c.loaded(1000)
		s.enterPIN()
		for role, day := range inOrder(map[spec.Role]message.Date{
			spec.RoleTerminal: {}, spec.RoleDesk: {}, spec.RoleCard: today,
		}) {
			d := c.device(s.bank, role)
			for _, payer := range []message.DeviceID{"", s.id()} {
				r := c.requestOn(day, d, 100, payer)
				s.answers(spec.SWWrongData, spec.Pay.Only(), c.encode(r), d.encoded)
			}
		}
		d := c.device(s.bank, spec.RoleTerminal)
		for _, kind := range payKinds {
			p := s.sealedPay(kind, d, 100)
			p.request.Date = message.Date{}
			c.must(message.Sign(p.request, d.key))
			a := p.agree(s.selectApplet())
			s.answers(spec.SWWrongData, p.variant, p.withPIN(a, ownPIN)...)
		}
		s.enterPIN()
		other := c.device(s.bank, spec.RoleCard)
		good := c.encode(c.request(other, 100, s.id()))
		s.answers(spec.SWWrongData, spec.Pay.Only(), good[:len(good)-1])
		good[len(good)-signatureObject] ^= 1
		s.answers(spec.SWWrongData, spec.Pay.Only(), good, other.encoded)
		r := c.request(d, 100, s.id())
		i := len(c.encode(r)) - 2*spec.DateLength
		altered := c.encode(r)
		altered[i-spec.SignatureLength-20] = 0x0A // no digit, or another byte of the body
		assert.NotEqualValues(c, apdu.OK, s.exchange(spec.Pay.Only(), altered, d.encoded).SW)
		s.payVerified(d, r)
	}},
}
