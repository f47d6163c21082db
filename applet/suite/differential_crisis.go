package suite

import (
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// drawCrisis draws a crisis order or a crisis key's certificate.
func (t *differential) drawCrisis() drawnCommand {
	keys := []*party{t.world.crisis, t.laterCrisis}
	if t.oneIn(3) {
		return t.learnCrisisKey(pick(t, keys))
	}
	if len(t.orders) > 0 && t.oneIn(6) {
		return pick(t, t.orders)
	}
	c := t.cases[0]
	o := &message.CrisisOrder{Number: t.cards[0].model.orderNumber() + 1, From: today,
		Until: today.AddDays(t.random.IntN(30)), Rows: t.drawRows()}
	if t.oneIn(4) {
		o.Number = 1 + t.random.Uint32N(20)
	}
	if t.oneIn(6) {
		o.Until = pick(t, []message.Date{farOff, farOff.AddDays(1)})
		o.From = today.AddDays(t.random.IntN(3))
	}
	crisis, notary := keys[0], t.world.notary
	if held := t.cards[0].model.crisisKey; held != nil && !t.oneIn(8) {
		crisis = held
	}
	if t.oneIn(10) {
		notary = t.world.own.instructionKey
	}
	encoded := c.signOrderBy(o, crisis, notary)
	if t.oneIn(8) {
		encoded = flipLast(encoded)
	}
	command := same(spec.TakeCrisisOrder.Only(), encoded)
	command.done = func(side int, _ []byte) { t.cards[side].model.order = o }
	t.orders = append(t.orders, command)
	return command
}

// drawRows draws rows in their order.
func (t *differential) drawRows() (rows []message.CrisisRow) {
	for _, group := range []uint8{0, 7, 200} {
		for _, name := range []message.Name{"", t.world.foreign.ca.name(), t.world.own.ca.name()} {
			if len(rows) < spec.MaxOrderRows && t.oneIn(3) {
				rows = append(rows, message.CrisisRow{Group: group, Name: name,
					MaxBalance: t.amount(), MaxTransactions: uint16(t.random.Uint32N(10)),
					MaxPayment: t.amount(), MaxSpent: t.amount()})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b message.CrisisRow) int {
		return int(a.Group) - int(b.Group)
	})
	return rows
}

// learnCrisisKey presents a crisis key: a newer one drops the order of the former.
func (t *differential) learnCrisisKey(key *party) drawnCommand {
	o := t.learnCA(key)
	o.done = func(side int, _ []byte) {
		b := t.cards[side].model
		if b == nil {
			return
		}
		if b.crisisKey = key; b.order != nil && b.order.CrisisKey != key.reference() {
			b.order = nil
		}
	}
	return o
}
