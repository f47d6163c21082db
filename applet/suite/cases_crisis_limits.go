package suite

import (
	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// crisisLimitCases are what a crisis order that the card holds does to its limits.
var crisisLimitCases = []testCase{
	{"a crisis order raises each limit by itself", func(c *caseRun) {
		s := c.ordered(c.crisisOrder(1, message.CrisisRow{MaxBalance: 500000, MaxTransactions: 8,
			MaxPayment: 400000, MaxSpent: 450000}))
		s.reachesLimits()
	}},
	{"a crisis order raises no limit above its ceiling", func(c *caseRun) {
		s := c.ordered(c.crisisOrder(1, message.CrisisRow{MaxBalance: message.MaxAmount,
			MaxTransactions: 0xFFFF, MaxPayment: message.MaxAmount, MaxSpent: message.MaxAmount}))
		s.reachesLimits()
	}},
	{"a crisis order lowers no limit", func(c *caseRun) {
		s := c.ordered(c.crisisOrder(1, message.CrisisRow{MaxBalance: 1, MaxTransactions: 1,
			MaxPayment: 1, MaxSpent: 1}))
		assert.Equal(c, s.model.policy, s.limits(today))
		s.reachesLimits()
	}},
	{"a crisis order without rows counts for nothing", func(c *caseRun) {
		s := c.ordered(c.crisisOrder(1))
		assert.Equal(c, s.model.policy, s.limits(today))
		s.reachesLimits()
	}},
	{"a crisis order adds nothing to what was paid before it, and resets nothing",
		func(c *caseRun) {
			s := c.ordered(c.crisisOrder(1, message.CrisisRow{MaxBalance: 700000}))
			merchant := c.device(s.bank, spec.RoleTerminal)
			s.load(600000)
			s.pay(merchant, c.request(merchant, 300000, ""))
			s.take(c.crisisOrder(2, message.CrisisRow{MaxSpent: 400000}))
			s.enterPIN()
			s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 100001, "")))
			s.payVerified(merchant, c.request(merchant, 60000, ""))
			s.take(c.crisisOrder(3, message.CrisisRow{MaxSpent: 350000}))
			s.enterPIN()
			s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 1, "")))
			s.take(c.crisisOrder(4))
			s.enterPIN()
			s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, 1, "")))
			desk := c.device(s.bank, spec.RoleDesk)
			s.payVerified(desk, c.request(desk, 1, s.id()))
		}},
	{"the row that fits a card best counts: all, its Name, its group, its group of the Name",
		func(c *caseRun) {
			own, foreign := c.world.own.ca.name(), c.world.foreign.ca.name()
			row := func(group uint8, name message.Name, payment money.Ore) message.CrisisRow {
				return message.CrisisRow{Group: group, Name: name, MaxPayment: payment}
			}
			all, byName := row(0, "", 400000), row(0, own, 410000)
			byGroup, both := row(200, "", 420000), row(200, own, 430000)
			others := []message.CrisisRow{row(0, foreign, 500001), row(7, "", 500002),
				row(7, own, 500003), row(200, foreign, 500004)}
			s := c.ordered(c.crisisOrder(1))
			merchant := c.device(s.bank, spec.RoleTerminal)
			number := uint32(1)
			for _, fit := range []struct {
				rows []message.CrisisRow
				in   money.Ore // with group 200
				out  money.Ore // with group 0
			}{
				{[]message.CrisisRow{all}, 400000, 400000},
				{[]message.CrisisRow{all, byName}, 410000, 410000},
				{[]message.CrisisRow{all, byName, byGroup}, 420000, 410000},
				{[]message.CrisisRow{all, byName, byGroup, both}, 430000, 410000},
				{[]message.CrisisRow{byGroup}, 420000, spec.PilotMaxPayment},
				{[]message.CrisisRow{both}, 430000, spec.PilotMaxPayment},
				{append([]message.CrisisRow{all}, others...), 400000, 400000},
				{others, spec.PilotMaxPayment, spec.PilotMaxPayment},
				{[]message.CrisisRow{all, others[0], byName, others[1], others[3], both}, 430000,
					410000},
			} {
				number++
				s.take(c.crisisOrder(number, fit.rows...))
				s.instruct(func(i *message.Instruction) { i.Group = 200 })
				s.paysUpTo(merchant, today, fit.in)
				s.instruct(func(i *message.Instruction) { i.Group = 0 })
				s.paysUpTo(merchant, today, fit.out)
			}
		}},
	{"a crisis order counts from its first to its last day, by the payee's date", func(c *caseRun) {
		o := c.crisisOrder(1, message.CrisisRow{MaxPayment: 400000})
		o.From, o.Until = tomorrow, tomorrow.AddDays(1)
		s := c.ordered(o)
		for _, d := range []*device{c.device(s.bank, spec.RoleTerminal),
			c.device(c.world.own, spec.RoleTerminal)} {
			s.paysUpTo(d, o.From.AddDays(-1), spec.PilotMaxPayment)
			s.paysUpTo(d, o.From, 400000)
			s.paysUpTo(d, o.Until, 400000)
			s.paysUpTo(d, o.Until.AddDays(1), spec.PilotMaxPayment)
		}
		s.load(1) // on a day before it begins
		// Between two cards nobody has a clock.
		s.paysUpTo(c.device(s.bank, spec.RoleCard), message.Date{}, 400000)
		s.enterPIN()
		s.answers(spec.SWPaymentLimit, spec.RequestPayment.Only(),
			c.asking(400001, spec.Currency, ""))
	}},
	{"a crisis order is over when the card's own date is after its last day", func(c *caseRun) {
		o := c.crisisOrder(1, crisisRow())
		o.Until = tomorrow
		s := c.ordered(o)
		merchant, card := c.device(s.bank, spec.RoleTerminal), c.device(s.bank, spec.RoleCard)
		s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
		s.paysUpTo(card, message.Date{}, 600000)
		s.instruct(func(i *message.Instruction) { i.Date, i.Credit = o.Until.AddDays(1), 300001 })
		assert.Equal(c, spec.CreditNotTaken, s.model.credit)
		s.paysUpTo(card, message.Date{}, spec.PilotMaxPayment)
		s.paysUpTo(merchant, tomorrow, spec.PilotMaxPayment)
		s.enterPIN()
		s.answers(spec.SWPaymentLimit, spec.RequestPayment.Only(),
			c.asking(spec.PilotMaxPayment+1, spec.Currency, ""))
		s.auditOrder() // it is still there
	}},
	{"a credit fits by the crisis order that the Instruction leaves", func(c *caseRun) {
		s := c.ordered(c.crisisOrder(1, message.CrisisRow{MaxBalance: 500000}))
		credit := func(change func(i *message.Instruction)) spec.CreditVerdict {
			c.Helper()
			s.instruct(change)
			return s.model.credit
		}
		assert.Equal(c, spec.CreditNotTaken, credit(func(i *message.Instruction) {
			i.OrderNumber, i.Credit = 2, 300001
		}))
		o := c.crisisOrder(2, message.CrisisRow{Group: 4, MaxBalance: 500000})
		s.take(o)
		assert.Equal(c, spec.CreditNotTaken, credit(func(i *message.Instruction) {
			i.Credit = 300001
		}))
		assert.Equal(c, spec.CreditTaken, credit(func(i *message.Instruction) {
			i.Group, i.Credit = 4, 500000
		}))
	}},
}

// reachesLimits has the card reach each limit in force, and no more.
func (s *subject) reachesLimits() {
	c := s.c
	c.Helper()
	limits := s.limits(today)
	merchant := c.device(s.bank, spec.RoleTerminal)
	s.enterPIN()
	s.answers(spec.SWPaymentLimit, spec.RequestPayment.Only(),
		c.asking(limits.MaxPayment+1, spec.Currency, ""))
	most := min(limits.MaxPayment, limits.MaxBalance-1)
	open := s.ask(most, "")
	s.answers(spec.SWBalanceLimit, spec.RequestPayment.Only(),
		c.asking(limits.MaxBalance-most+1, spec.Currency, ""))
	s.refuse(s.ask(limits.MaxBalance-most, ""))
	s.refuse(open)
	s.instruct(func(i *message.Instruction) { i.Credit = limits.MaxBalance + 1 })
	assert.Equal(c, spec.CreditNotTaken, s.model.credit)
	s.load(limits.MaxBalance)
	s.enterPIN()
	s.refuses(spec.SWPaymentLimit, merchant,
		c.encode(c.request(merchant, limits.MaxPayment+1, "")))
	s.payVerified(merchant, c.request(merchant, limits.MaxPayment, ""))
	s.instruct(func(i *message.Instruction) {
		i.AckedATC, i.Head = s.model.acked, s.model.heads[s.model.acked]
		i.Credit = limits.MaxPayment
	})
	rest := limits.MaxSpent - limits.MaxPayment
	s.enterPIN()
	s.refuses(spec.SWSpentLimit, merchant, c.encode(c.request(merchant, rest+1, "")))
	if rest > 0 {
		s.payVerified(merchant, c.request(merchant, rest, ""))
	}
	s.instruct()
	for range limits.MaxTransactions {
		s.pay(merchant, c.request(merchant, 1, ""))
	}
	s.enterPIN()
	s.refuses(spec.SWTransactionLimit, merchant, c.encode(c.request(merchant, 1, "")))
	s.answers(spec.SWTransactionLimit, spec.RequestPayment.Only(), c.asking(1, spec.Currency, ""))
	s.instruct()
}

// paysUpTo requires that the card's limit for one payment is this one, for a Request of that
// date; the card holds less.
func (s *subject) paysUpTo(d *device, day message.Date, limit money.Ore) {
	c := s.c
	c.Helper()
	s.enterPIN()
	s.refuses(spec.SWPaymentLimit, d, c.encode(c.requestOn(day, d, limit+1, "")))
	s.refuses(spec.SWFunds, d, c.encode(c.requestOn(day, d, limit, "")))
}
