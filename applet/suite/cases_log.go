package suite

import (
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// logCases are the log's slots and running totals.
var logCases = []testCase{
	{"a card of the default limits makes 96 payments, and prefixes of them are acknowledged",
		func(c *caseRun) {
			s := c.active(func(p *message.InstallParameters) {
				p.Ceilings, p.Slots = message.DefaultCeilings(), spec.DefaultSlots
				p.Ceilings.Flags |= spec.FlagPlaintextContactless
			})
			s.load(spec.DefaultMaxBalance)
			merchant := c.device(s.bank, spec.RoleTerminal)
			pay := func() { s.pay(merchant, c.request(merchant, 100, "")) }
			var first *message.Request
			for n := range spec.DefaultMaxTransactions {
				if n == 0 {
					first = c.request(merchant, 100, "")
					s.pay(merchant, first)
					continue
				}
				pay()
			}
			s.enterPIN()
			s.refuses(spec.SWTransactionLimit, merchant, c.encode(c.request(merchant, 100, "")))
			require.Equal(c, c.encode(s.model.records[0].Payment),
				s.succeeds(spec.Pay.Only(), c.encode(first), merchant.encoded),
				"the oldest record is given again")
			s.auditRecords()
			for _, prefix := range []uint32{1, 2, 40, 95} {
				s.acknowledge(prefix)
				for range prefix {
					if len(s.model.stored()) < spec.DefaultMaxTransactions {
						pay()
					}
				}
				s.enterPIN()
				s.refuses(spec.SWTransactionLimit, merchant,
					c.encode(c.request(merchant, 100, "")))
				s.audit()
			}
			s.instruct()
			s.audit()
		}},
	{"the largest log is filled, and turned round by every prefix", func(c *caseRun) {
		s := c.active(func(p *message.InstallParameters) { p.Slots = spec.MaxSlots })
		s.fillLog()
		s.answers(spec.SWLogFull, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
		s.auditRecords()
		for _, prefix := range []uint32{1, 15, 200} {
			s.acknowledge(prefix)
			s.fillLog()
			s.auditRecords()
		}
	}},
	{"no more than MAX_SPENT is paid until it is acknowledged", func(c *caseRun) {
		s := c.active(func(p *message.InstallParameters) {
			p.Ceilings.MaxSpent, p.Ceilings.MaxTransactions = 1000, 16
		})
		s.load(10000)
		merchant, desk := c.device(s.bank, spec.RoleTerminal), c.device(s.bank, spec.RoleDesk)
		s.enterPIN()
		s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 1001, "")))
		s.payVerified(merchant, c.request(merchant, 600, ""))
		s.enterPIN()
		s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 401, "")))
		s.payVerified(merchant, c.request(merchant, 399, ""))
		s.enterPIN()
		s.refuse(s.ask(50, "")) // counts as nothing paid
		payer := c.device(s.bank, spec.RoleCard)
		s.accept(payer, c.payment(payer, s.ask(50, "")))
		s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 2, "")))
		s.payVerified(merchant, c.request(merchant, 1, ""))
		s.pay(desk, c.request(desk, 2000, s.id())) // the desk is not asked, and counts
		s.acknowledge(1)
		s.enterPIN()
		s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 1, "")))
		s.acknowledge(s.model.atc())
		s.enterPIN()
		s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 1001, "")))
		s.payVerified(merchant, c.request(merchant, 1000, ""))
	}},
	{"totals wrap, and their differences do not", func(c *caseRun) {
		s := c.generous(func(i *message.Instruction) {
			i.Policy.MaxSpent = 0x90000000
			i.Policy.Flags &^= spec.FlagSpendReceived
		})
		merchant, payer := c.device(s.bank, spec.RoleTerminal), c.device(s.bank, spec.RoleCard)
		for range 5 { // each total passes 2^32 twice
			s.load(0x80000001)
			s.pay(merchant, c.request(merchant, 0x80000001, ""))
			s.enterPIN()
			s.accept(payer, c.payment(payer, s.ask(0x7FFFFFFF, "")))
			s.refuses(spec.SWReceivedLocked, merchant, c.encode(c.request(merchant, 1, "")))
			s.newTap()
			s.instruct()
			s.pay(merchant, c.request(merchant, 0x7FFFFFFF, ""))
			s.load(0x80000001)
			s.pay(merchant, c.request(merchant, 0x80000000, ""))
			s.enterPIN()
			s.refuses(spec.SWFunds, merchant, c.encode(c.request(merchant, 2, "")))
			s.instruct(func(i *message.Instruction) {
				i.AckedATC, i.Head = s.model.acked, s.model.heads[s.model.acked]
				i.Credit = 0x20000000
			})
			s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 0x10000001, "")))
			s.payVerified(merchant, c.request(merchant, 0x10000000, ""))
			s.instruct()
			s.pay(merchant, c.request(merchant, s.model.balance, ""))
			s.instruct()
		}
	}},
	{"a sum since the last acknowledgement never passes 32 bits", func(c *caseRun) {
		s := c.generous()
		s.load(message.MaxAmount)
		desk, payer := c.device(s.bank, spec.RoleDesk), c.device(s.bank, spec.RoleCard)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.pay(desk, c.request(desk, 0x80000000, s.id()))
		s.enterPIN()
		s.accept(payer, c.payment(payer, s.ask(0x80000000, "")))
		s.refuses(spec.SWSpentLimit, desk, c.encode(c.request(desk, 0x80000000, s.id())))
		s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 0x80000000, "")))
		s.payVerified(desk, c.request(desk, 0x7FFFFFFF, s.id()))
		s.enterPIN()
		open := s.ask(0x70000000, "")
		s.answers(spec.SWBalanceLimit, spec.RequestPayment.Only(),
			c.asking(0x10000000, spec.Currency, ""))
		s.accept(payer, c.payment(payer, open))
		s.answers(spec.SWBalanceLimit, spec.RequestPayment.Only(),
			c.asking(0x10000000, spec.Currency, ""))
		s.refuse(s.ask(0x0FFFFFFF, ""))
		s.instruct()
		s.refuse(s.ask(0x10000000-1, ""))
	}},
	{"what open requests will bring counts among what was received", func(c *caseRun) {
		s := c.generous()
		payer, merchant := c.device(s.bank, spec.RoleCard), c.device(s.bank, spec.RoleTerminal)
		s.enterPIN()
		s.accept(payer, c.payment(payer, s.ask(0x80000000, "")))
		s.payVerified(merchant, c.request(merchant, 0x80000000, ""))
		s.enterPIN()
		s.ask(0x70000000, "")
		s.answers(spec.SWBalanceLimit, spec.RequestPayment.Only(),
			c.asking(0x10000000, spec.Currency, ""))
		s.ask(0x0FFFFFFF, "")
	}},
	{"the last quarter of the slots is for those who have the PIN", func(c *caseRun) {
		s := c.active()
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagPINToReceive
		})
		ask := func(n int) { s.refuse(s.ask(money.Ore(n), "")) }
		for n := range int(s.parameters.Slots)*3/4 - 1 {
			ask(n + 1)
		}
		open := s.ask(1, "") // an open one holds its slot
		s.answers(spec.SWLogFull, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
		s.enterPIN()
		ask(1)
		s.newTap()
		s.answers(spec.SWLogFull, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
		s.refuse(open)
		s.enterPIN()
		s.fillLog()
		s.acknowledge(s.model.acked + uint32(s.parameters.Slots)/4)
		s.newTap()
		s.answers(spec.SWLogFull, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
		s.acknowledge(s.model.acked + 1)
		ask(1)
	}},
}

// acknowledge has an Instruction acknowledge the records up to a number and change nothing
// else.
func (s *subject) acknowledge(number uint32) {
	s.c.Helper()
	s.instruct(func(i *message.Instruction) { i.AckedATC, i.Head = number, s.model.head(number) })
}
