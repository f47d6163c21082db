package suite

import (
	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// policyCases are policy and ceilings.
var policyCases = []testCase{
	{"a policy counts when its version is higher, and never goes back", func(c *caseRun) {
		s := c.active()
		s.instruct(func(i *message.Instruction) { i.Policy.Version, i.Policy.MaxPayment = 5, 100 })
		// same version: no change
		s.instruct(func(i *message.Instruction) { i.Policy.MaxPayment = 200 })
		s.enterPIN()
		s.answers(spec.SWPaymentLimit, spec.RequestPayment.Only(), c.asking(101, spec.Currency, ""))
		for _, version := range []uint32{0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x1FFFF, 0x20001,
			0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF} {
			before := s.model.policy
			s.instruct(func(i *message.Instruction) {
				i.Policy.Version = version
				i.Policy.MaxPayment++
			})
			i := s.next()
			i.Policy = before
			s.state()
			s.answers(spec.SWPolicy, spec.Instruct.Only(), s.sign(i))
			assert.Equal(c, c.policy(s.model.policy), s.policyOnCard())
		}
		s.audit()
	}},
	{"a policy has no flags but those of the ceilings", func(c *caseRun) {
		s := c.active(func(p *message.InstallParameters) {
			p.Ceilings = message.Policy{MaxBalance: 2000, MaxTransactions: 3, MaxPayment: 1000}
		})
		for what, change := range inOrder(map[string]func(p *message.Policy){
			"spend received": func(p *message.Policy) { p.Flags |= spec.FlagSpendReceived },
			"plaintext PIN":  func(p *message.Policy) { p.Flags |= spec.FlagPlaintextPIN },
			"over the air": func(p *message.Policy) {
				p.Flags |= spec.FlagPlaintextContactless
			},
		}) {
			i := s.next()
			i.Policy.Version++
			change(&i.Policy)
			s.state()
			assert.EqualValues(c, spec.SWPolicy, s.exchange(spec.Instruct.Only(), s.sign(i)).SW,
				what)
		}
		s.instruct(func(i *message.Instruction) {
			i.Policy = message.Policy{Version: 1, MaxBalance: 2000, MaxTransactions: 3,
				MaxPayment: 1000, Flags: spec.FlagPINToReceive}
		})
	}},
	{"the first policy is the default one under the ceilings", func(c *caseRun) {
		for _, ceilings := range []message.Policy{
			{MaxBalance: 1000, MaxTransactions: 2, MaxPayment: 500, MaxSpent: 700},
			{MaxBalance: message.MaxAmount, MaxTransactions: spec.DefaultSlots,
				MaxPayment: message.MaxAmount, MaxSpent: message.MaxAmount, Flags: spec.PilotFlags},
			message.DefaultCeilings(), message.PilotPolicy(),
			{MaxBalance: 1, MaxTransactions: spec.DefaultSlots, MaxPayment: 2, MaxSpent: 3,
				Flags: spec.FlagPlaintextPIN},
			{MaxBalance: 0xFFFFFFFF, MaxPayment: 0xFFFFFFFF, Flags: spec.FlagPINToReceive},
		} {
			s := c.active(func(p *message.InstallParameters) {
				p.Ceilings, p.Slots = ceilings, spec.DefaultSlots
			})
			assert.Equal(c, c.policy(message.DefaultPolicy().Under(ceilings)), s.policyOnCard())
			s.audit()
		}
	}},
	{"a lower limit leaves what the card holds and has open", func(c *caseRun) {
		s := c.loaded(5000)
		s.enterPIN()
		payer, merchant := c.device(s.bank, spec.RoleCard), c.device(s.bank, spec.RoleTerminal)
		r := s.ask(3000, "")
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.MaxBalance, i.Policy.MaxPayment = 1000, 2000
		})
		s.accept(payer, c.payment(payer, r))
		s.answers(spec.SWBalanceLimit, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
		s.payVerified(merchant, c.request(merchant, 2000, ""))
	}},
}

// expiryCases are certificates that end.
var expiryCases = []testCase{
	{"expired certificates stop payments, not synchronising, refusing or unloading",
		func(c *caseRun) {
			s := c.loaded(5000)
			merchant, desk := c.device(s.bank, spec.RoleTerminal), c.device(s.bank, spec.RoleDesk)
			ends := func(role spec.Role) *device {
				id := c.world.nextID(s.bank)
				return &device{party: c.certify(s.bank.ca,
					entry{holder: string(id), role: role, to: today}), ca: s.bank.ca}
			}
			shortMerchant, shortPayer, shortDesk := ends(spec.RoleTerminal), ends(spec.RoleCard),
				ends(spec.RoleDesk)
			s.pay(shortMerchant, c.request(shortMerchant, 100, "")) // the last day counts
			s.enterPIN()
			open, other := s.ask(100, ""), s.ask(100, "")
			s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
			s.refuses(spec.SWExpired, shortMerchant, c.encode(c.request(shortMerchant, 100, "")))
			s.doesNotAccept(spec.SWExpired, shortPayer, c.encode(c.payment(shortPayer, open)))
			s.payVerified(merchant, c.request(merchant, 100, ""))
			s.enterPIN()
			s.refuse(other)
			s.payVerified(desk, c.request(desk, 100, s.id()))
			s.enterPIN()
			s.payVerified(shortDesk, c.request(shortDesk, 100, s.id()))
		}},
	{"the card's own end stops its payments", func(c *caseRun) {
		s := c.activeUntil(today)
		s.load(5000)
		merchant, desk, payer := c.device(s.bank, spec.RoleTerminal),
			c.device(s.bank, spec.RoleDesk), c.device(s.bank, spec.RoleCard)
		s.enterPIN()
		open := s.ask(100, "")
		other := s.ask(100, "")
		s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
		s.refuses(spec.SWExpired, merchant, c.encode(c.request(merchant, 100, "")))
		s.doesNotAccept(spec.SWExpired, payer, c.encode(c.payment(payer, open)))
		s.answers(spec.SWExpired, spec.RequestPayment.Only(), c.asking(100, spec.Currency, ""))
		s.refuse(other)
		s.payVerified(desk, c.request(desk, 100, s.id()))
		s.enterPIN()
		s.succeeds(c.variant(spec.PutData, "certificate"), s.issue().encoded)
		s.payVerified(merchant, c.request(merchant, 100, ""))
	}},
	{"the end of a CA is the end of its devices", func(c *caseRun) {
		s := c.loaded(5000)
		bank := &intermediary{ca: c.certify(c.world.root,
			entry{holder: "SEBANK9400001", role: spec.RoleIntermediary, to: today})}
		merchant, payer := c.device(bank, spec.RoleTerminal), c.device(bank, spec.RoleCard)
		s.learnCA(bank.ca)
		s.pay(merchant, c.request(merchant, 100, ""))
		s.enterPIN()
		open := s.ask(100, "")
		s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
		s.refuses(spec.SWExpired, merchant, c.encode(c.request(merchant, 100, "")))
		s.doesNotAccept(spec.SWExpired, payer, c.encode(c.payment(payer, open)))
		s.answers(spec.SWExpired, spec.VerifyCertificate.Only(), bank.ca.encoded)
	}},
	{"the end of the own CA stops the card's payments", func(c *caseRun) {
		s := c.ownCAUntil(today)
		s.load(1000)
		merchant := c.device(c.world.foreign, spec.RoleTerminal)
		s.pay(merchant, c.request(merchant, 100, ""))
		s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
		s.enterPIN()
		s.refuses(spec.SWExpired, merchant, c.encode(c.request(merchant, 100, "")))
		s.answers(spec.SWExpired, spec.RequestPayment.Only(), c.asking(100, spec.Currency, ""))
	}},
	{"a CA is good no longer than its root", func(c *caseRun) {
		brief := c.certify(c.world.unknown,
			entry{holder: "SERIKSBK00009", role: spec.RoleRoot, key: &c.world.unknown.key.PublicKey,
				to: today})
		brief.key = c.world.unknown.key
		s := c.install(func(p *message.InstallParameters) {
			anchor, err := brief.certificate.Anchor()
			c.must(err)
			p.RootAnchor = anchor
		})
		s.bank = c.newIntermediary(brief, "SENORDIC")
		notary := c.certify(brief, entry{holder: "SENOTARY00001", role: spec.RoleNotary})
		s.learnCA(brief, s.bank.ca, notary, s.bank.instructionKey)
		s.makeKeys()
		s.storeCertificate()
		s.storeBatchKey()
		s.storePIN()
		s.succeeds(spec.Activate.Only())
		i := &message.Instruction{
			InstructionKey: s.bank.instructionKey.reference(), Notary: notary.reference(),
			Device: s.id(), Sequence: 1,
			Policy: message.PilotPolicy(), Date: tomorrow,
		}
		head, err := message.FirstHead(s.id(), s.public)
		c.must(err)
		i.Head = head
		c.must(message.SignAs(i, message.ByIntermediary, s.bank.instructionKey.key))
		c.must(message.SignAs(i, message.ByNotary, notary.key))
		s.state()
		s.answers(spec.SWDate, spec.Instruct.Only(), c.encode(i))
	}},
}
