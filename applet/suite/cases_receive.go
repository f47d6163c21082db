package suite

import (
	"bytes"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// receiveCases are REQUEST, ACCEPT and REFUSE as they go well.
var receiveCases = []testCase{
	{"a card asks, is paid, and accepts", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		r := s.ask(2500, "")
		payer := c.device(s.bank, spec.RoleCard)
		s.accept(payer, c.payment(payer, r))
	}},
	{"a card asks one card by name, of another intermediary", func(c *caseRun) {
		s := c.active()
		s.learnCA(c.world.foreign.ca)
		s.enterPIN()
		payer := c.device(c.world.foreign, spec.RoleCard)
		r := s.ask(2500, payer.id())
		s.accept(payer, c.payment(payer, r))
	}},
	{"requests are open side by side, and answered in any order", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		var requests []*message.Request
		for n := range money.Ore(spec.MaxOpenRequests) {
			requests = append(requests, s.ask(1000+n, ""))
		}
		s.answers(spec.SWOpenRequests, spec.RequestPayment.Only(), c.asking(100, spec.Currency, ""))
		s.accept(payer, c.payment(payer, requests[2]))
		s.refuse(requests[0])
		s.audit()
		s.ask(500, payer.id())
		s.accept(payer, c.payment(payer, requests[3]))
		s.accept(payer, c.payment(payer, requests[1]))
	}},
	{"ACCEPT again brings the same Receipt", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		p := c.payment(payer, s.ask(2500, ""))
		first := c.encode(s.accept(payer, p))
		again := func(p *message.Payment) {
			c.Helper()
			assert.Equal(c, first, s.succeeds(spec.Accept.Only(), c.encode(p), payer.encoded))
		}
		again(p)
		other := *p
		other.Signature = malleated(p.Signature)
		again(&other)
		s.newTap()
		again(p)
		stay := func(i *message.Instruction) { i.AckedATC, i.Head = 0, s.model.heads[0] }
		s.instruct(stay, func(i *message.Instruction) {
			i.Actions = spec.ActionBlock
			i.Date = farOff
		})
		again(p)
		s.instruct(stay, func(i *message.Instruction) { i.Actions = spec.ActionClose })
		again(p)
	}},
	{"each ACCEPT again brings its own Receipt", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		var payments []*message.Payment
		var receipts [][]byte
		for range 2 {
			p := c.payment(payer, s.ask(2500, ""))
			payments, receipts = append(payments, p), append(receipts, c.encode(s.accept(payer, p)))
		}
		s.newTap()
		for n := range 2 {
			n = 1 - n // the second first
			assert.Equal(c, receipts[n],
				s.succeeds(spec.Accept.Only(), c.encode(payments[n]), payer.encoded))
		}
	}},
	{"a Payment over another form of the card's own signature is accepted", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		other := *s.ask(2500, "")
		other.Signature = malleated(other.Signature)
		s.accept(payer, c.payment(payer, &other))
	}},
	{"REFUSE again brings the same Refusal, blocked or closed too", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		s.refuse(s.ask(50, "")) // so that the Refusal is not the first record
		r := s.ask(2500, payer.id())
		open := s.ask(100, "")
		first := c.encode(s.refuse(r))
		again := func() {
			c.Helper()
			assert.Equal(c, first, s.succeeds(spec.Refuse.Only(), c.number(r.Number)))
		}
		again()
		s.doesNotAccept(spec.SWReferenceUnknown, payer, c.encode(c.payment(payer, r)))
		s.newTap()
		s.answers(spec.SWSecurity, spec.Refuse.Only(), c.number(r.Number))
		s.enterPIN()
		again()
		stay := func(i *message.Instruction) { i.AckedATC, i.Head = 0, s.model.heads[0] }
		s.instruct(stay, func(i *message.Instruction) { i.Actions = spec.ActionBlock })
		again()
		s.refuse(open)
		s.instruct(stay, func(i *message.Instruction) { i.Actions = spec.ActionClose })
		again()
	}},
	{"a policy can let a card receive without PIN", func(c *caseRun) {
		s := c.active()
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagPINToReceive
		})
		payer := c.device(s.bank, spec.RoleCard)
		p := c.payment(payer, s.ask(2500, ""))
		s.accept(payer, p)
		s.refuse(s.ask(100, ""))
	}},
	{"received money can be spent", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer, merchant := c.device(s.bank, spec.RoleCard), c.device(s.bank, spec.RoleTerminal)
		s.accept(payer, c.payment(payer, s.ask(2500, "")))
		s.payVerified(merchant, c.request(merchant, 2500, ""))
	}},
	{"a policy can lock received money until it is acknowledged", func(c *caseRun) {
		s := c.loaded(1000)
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagSpendReceived
		})
		s.enterPIN()
		payer, merchant := c.device(s.bank, spec.RoleCard), c.device(s.bank, spec.RoleTerminal)
		s.accept(payer, c.payment(payer, s.ask(2500, "")))
		s.refuses(spec.SWReceivedLocked, merchant, c.encode(c.request(merchant, 1001, "")))
		s.payVerified(merchant, c.request(merchant, 1000, ""))
		s.enterPIN()
		s.refuses(spec.SWReceivedLocked, merchant, c.encode(c.request(merchant, 1, "")))
		s.instruct()
		s.payVerified(merchant, c.request(merchant, 2500, ""))
	}},
	{"received money that was spent before the lock leaves nothing to spend", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer, merchant := c.device(s.bank, spec.RoleCard), c.device(s.bank, spec.RoleTerminal)
		s.accept(payer, c.payment(payer, s.ask(2500, "")))
		s.payVerified(merchant, c.request(merchant, 2000, ""))
		s.instruct(func(i *message.Instruction) {
			i.AckedATC, i.Head = 0, s.model.heads[0]
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagSpendReceived
		})
		s.enterPIN()
		s.refuses(spec.SWReceivedLocked, merchant, c.encode(c.request(merchant, 1, "")))
	}},
	{"what is reserved counts up to the last öre", func(c *caseRun) {
		s := c.generous()
		s.load(4_000_000_000)
		s.enterPIN()
		s.ask(200_000_000, "")
		s.answers(spec.SWBalanceLimit, spec.RequestPayment.Only(),
			c.asking(100_000_000, spec.Currency, ""))
		s.ask(0xFFFFFFFF-4_200_000_000, "")
		s.answers(spec.SWBalanceLimit, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
		s.instruct(func(i *message.Instruction) { i.Credit = 1 })
	}},
	{"ACCEPT and REFUSE never fail for want of room", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		var requests []*message.Request
		for range spec.MaxOpenRequests {
			requests = append(requests, s.ask(spec.PilotMaxBalance/spec.MaxOpenRequests, ""))
		}
		s.answers(spec.SWOpenRequests, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
		s.instruct(func(i *message.Instruction) {
			i.Credit = 1
			i.Policy.Version++
			i.Policy.MaxBalance, i.Policy.MaxPayment, i.Policy.MaxTransactions = 1, 1, 1
		})
		assert.Equal(c, spec.CreditNotTaken, s.model.credit)
		for _, r := range requests {
			s.accept(payer, c.payment(payer, r))
		}
	}},
}

// receiveRefusedCases are the refusals of REQUEST, ACCEPT and REFUSE.
var receiveRefusedCases = []testCase{
	{"REQUEST that the card could not take is refused at once", func(c *caseRun) {
		s := c.loaded(1000)
		ask := spec.RequestPayment.Only()
		s.enterPIN()
		s.answers(spec.SWBalanceLimit, ask, c.asking(spec.PilotMaxBalance-999, spec.Currency, ""))
		s.ask(spec.PilotMaxBalance-1000-100, "")
		s.answers(spec.SWBalanceLimit, ask, c.asking(101, spec.Currency, ""))
		s.ask(100, "")
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionBlock })
		s.answers(spec.SWBlocked, ask, c.asking(100, spec.Currency, ""))
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionClose })
		s.answers(spec.SWClosed, ask, c.asking(100, spec.Currency, ""))
	}},
	{"REQUEST without a transaction or a slot left is refused", func(c *caseRun) {
		s := c.active()
		payer := c.device(s.bank, spec.RoleCard)
		s.enterPIN()
		for range spec.PilotMaxTransactions - 1 {
			s.accept(payer, c.payment(payer, s.ask(100, "")))
		}
		s.ask(100, "")
		s.answers(spec.SWTransactionLimit, spec.RequestPayment.Only(),
			c.asking(100, spec.Currency, ""))
		s.refuse(s.model.open[0])
		s.instruct()
		s.fillLog()
		s.answers(spec.SWLogFull, spec.RequestPayment.Only(), c.asking(100, spec.Currency, ""))
	}},
	{"ACCEPT without PIN, blocked or closed is refused", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		p := c.payment(payer, s.ask(100, ""))
		s.newTap()
		s.doesNotAccept(spec.SWSecurity, payer, c.encode(p))
		s.answers(spec.SWSecurity, spec.Refuse.Only(), c.number(p.Request.Number))
		s.enterPIN()
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionBlock })
		s.doesNotAccept(spec.SWBlocked, payer, c.encode(p))
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionClose })
		s.doesNotAccept(spec.SWClosed, payer, c.encode(p))
	}},
	{"ACCEPT of what is not the open Request is refused", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		r := s.ask(100, "")
		refused := s.ask(200, "")
		s.refuse(refused)
		s.doesNotAccept(spec.SWReferenceUnknown, payer, c.encode(c.payment(payer, refused)))

		s.accept(payer, c.payment(payer, r))
		second := c.payment(payer, r)
		s.doesNotAccept(spec.SWReferenceUnknown, payer, c.encode(second))
		s.answers(spec.SWReferenceUnknown, spec.Refuse.Only(), c.number(r.Number))
	}},
	{"ACCEPT with a certificate whose date is none is refused", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		payment := c.encode(c.payment(payer, s.ask(2500, "")))
		certificate := bytes.Clone(payer.encoded)
		certificate[len(certificate)-spec.SignatureLength-4] = 0x0A // the last digit of EXPIRY
		s.answers(spec.SWWrongData, spec.Accept.Only(), payment, certificate)
	}},
	{"ACCEPT from another than the Request names is refused", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer, other := c.device(s.bank, spec.RoleCard), c.device(s.bank, spec.RoleCard)
		named := s.ask(100, payer.id())
		s.doesNotAccept(spec.SWAddressee, other, c.encode(c.payment(other, named)))
	}},
	{"ACCEPT from a payer of a CA not met is refused before anything else", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		r := s.ask(100, "")
		strange := c.device(c.world.foreign, spec.RoleCard)
		s.doesNotAccept(spec.SWReferenceUnknown, strange, c.encode(c.payment(strange, r)))
		s.learnCA(c.world.foreign.ca)
		s.accept(strange, c.payment(strange, r))
	}},
}

// doesNotAccept has the card refuse a Payment.
func (s *subject) doesNotAccept(want apdu.StatusWord, payer *device, payment []byte) {
	s.c.Helper()
	s.answers(want, spec.Accept.Only(), payment, payer.encoded)
}
