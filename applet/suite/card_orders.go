package suite

import (
	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// crisisRow is a row for all, far above the pilot's limits.
func crisisRow() message.CrisisRow {
	return message.CrisisRow{MaxBalance: 800000, MaxTransactions: 12, MaxPayment: 700000,
		MaxSpent: 900000, MaxReceipts: 6000, MaxReceived: 100000000}
}

// crisisOrder is the crisis order of that number, from today on, not signed.
func (c *caseRun) crisisOrder(number uint32, rows ...message.CrisisRow) *message.CrisisOrder {
	return &message.CrisisOrder{Number: number, From: today, Until: nextYear, Rows: rows}
}

// signOrder has crisis key and notary sign it, and returns it as the wire has it.
func (c *caseRun) signOrder(o *message.CrisisOrder) []byte {
	return c.signOrderBy(o, c.world.crisis, c.world.notary)
}

func (c *caseRun) signOrderBy(o *message.CrisisOrder, crisis, notary *party) []byte {
	o.CrisisKey, o.Notary = crisis.reference(), notary.reference()
	c.must(message.SignAs(o, message.ByCrisisKey, crisis.key))
	c.must(message.SignAs(o, message.ByNotary, notary.key))
	return c.encode(o)
}

// take gives the card a crisis order and enters it.
func (s *subject) take(o *message.CrisisOrder) {
	s.c.Helper()
	s.succeeds(spec.TakeCrisisOrder.Only(), s.c.signOrder(o))
	s.model.order = o
}

// ordered is an active card of the pilot's policy under higher ceilings, which holds a
// crisis order.
func (c *caseRun) ordered(o *message.CrisisOrder) *subject {
	s := c.active(func(p *message.InstallParameters) {
		p.Slots, p.Ceilings = 32, message.Policy{MaxBalance: 700000, MaxTransactions: 20,
			MaxPayment: 600000, MaxSpent: 650000, Flags: pilotCeilings().Flags}
	})
	s.instruct(func(i *message.Instruction) {
		flags := i.Policy.Flags
		i.Policy = message.PilotPolicy()
		i.Policy.Version, i.Policy.Flags = 9, flags
	})
	s.learnCA(c.world.crisis)
	s.take(o)
	return s
}

// limits are those in force on a day, or where nobody has a clock when it is none.
func (s *subject) limits(day message.Date) message.Policy {
	b := s.model
	o := b.order
	if o == nil || o.Until.Before(b.date) || !day.IsZero() && !o.CountsOn(day) {
		return b.policy
	}
	row, found := o.Row(s.id().Name(), b.group)
	if !found {
		return b.policy
	}
	return row.Raise(b.policy, s.parameters.Ceilings)
}

// orderNumber is the number up to which crisis orders are of no use to the card.
func (b *cardModel) orderNumber() uint32 {
	if b.order != nil && b.life != spec.Closed {
		return b.order.Number
	}
	return max(b.lowestOrder, 1) - 1
}

// auditOrder compares what GET DATA and SELECT tell of crisis orders with the model.
func (s *subject) auditOrder() {
	s.c.Helper()
	order := s.c.variant(spec.GetData, "crisis order")
	if b := s.model; b.order != nil && b.life != spec.Closed {
		assert.Equal(s.c, s.c.encode(b.order), s.succeeds(order))
	} else {
		s.answers(spec.SWReferenceUnknown, order)
	}
	assert.Equal(s.c, s.model.orderNumber(), s.selectApplet().OrderNumber)
}
