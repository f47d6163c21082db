package audit

import (
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// shape is what entries of a kind have, and what they have not.
type shape struct {
	online, shadow int  // sign; two for above zero or none
	device         bool // whose wallet, or whose owner's
	payment        bool // payer, number and payee
	maybe          bool // without a payment too
	order, instr   bool
}

// shapes are those of each kind of entry.
var shapes = map[notary.EntryKind]shape{
	notary.Issued:         {online: 1, order: true},
	notary.Loaded:         {online: -1, shadow: 1, device: true, order: true, instr: true},
	notary.Released:       {online: 1, shadow: -1, device: true, order: true, instr: true},
	notary.Paid:           {shadow: -1, device: true, payment: true},
	notary.Received:       {shadow: 1, device: true, payment: true},
	notary.Collected:      {online: 1, device: true, payment: true},
	notary.Unloaded:       {online: 1, device: true, payment: true},
	notary.Returned:       {online: 1, shadow: -1, device: true, payment: true},
	notary.Swept:          {online: 1, shadow: -1, device: true},
	notary.HoldingPaid:    {online: -1, device: true, payment: true, maybe: true},
	notary.HoldingRepaid:  {online: 1, shadow: -1, device: true},
	notary.PoolRepaid:     {shadow: -1, device: true},
	notary.RefundPaid:     {online: -1, device: true, payment: true, order: true},
	notary.RefundReceived: {online: 2, shadow: 2, device: true, payment: true, order: true},
	notary.PoolLent:       {shadow: 1, device: true, payment: true},
	notary.PoolReturned:   {shadow: -1, device: true},
}

// entryRow is a line of the statement.
type entryRow struct {
	entry
	number int64
	given  bool // it has a number of its own, and is not known by its row's
	owner  string
	order  notary.OrderKey
	at     string
}

func (e *entryRow) name() string {
	return fmt.Sprintf("entry %d of %s", e.number, e.intermediary)
}

// refundKey names a refund.
type refundKey struct {
	intermediary string
	order        notary.OrderKey
}

func (s *rowsRun) statementRows() {
	s.credits = map[numberedRow]notary.OrderKey{}
	s.refundsPaid = map[refundKey]notary.Refund{}
	s.lent = map[flowKey]int64{}
	s.entryKinds, s.issued = map[notary.EntryKind]int{}, map[notary.OrderKey]string{}
	last := map[string]int64{}
	s.each(func(row store.Row) error {
		e := &entryRow{}
		if err := row.Scan(&e.number, &e.given, &e.intermediary, &e.Kind, &e.Device, &e.owner,
			&e.Online, &e.Shadow, &e.Payer, &e.ATC, &e.Payee, &e.order, &e.Instr,
			&e.at); err != nil {
			return err
		}
		if before, known := last[e.intermediary]; e.given && (known || e.number != 1) &&
			e.number != before+1 {
			s.wrong(e.name(), "comes after entry %d: what was between them is gone", before)
		}
		last[e.intermediary] = e.number
		s.entry(e)
		return nil
	}, `SELECT coalesce(number, seq), number IS NOT NULL, intermediary, kind, device, owner, online,
		shadow, payer, atc, payee, order_key, instr, at FROM statement
		ORDER BY intermediary, coalesce(number, seq)`)
}

func (s *rowsRun) entry(e *entryRow) {
	s.entryKinds[e.Kind]++
	s.joinedAs(e.name(), e.intermediary)
	s.moments(e.name(), e.at)
	want, known := shapes[e.Kind]
	if !known || !want.fits(&e.entry, e.order) {
		s.wrong(e.name(), "does not have what an entry of the kind %s has, or has more", e.Kind)
		return
	}
	owner := ""
	if e.Kind == notary.Issued {
		s.issued[e.order] = e.intermediary
	}
	if want.device && !s.uncertified(e) {
		d := s.registered(e.name(), string(e.Device))
		if d == nil {
			return
		}
		owner = d.owner
		s.same(e.name(), pair{"the intermediary", e.intermediary, d.intermediary})
		s.collect(e, d)
	}
	s.same(e.name(), pair{"the owner", e.owner, owner})
	if want.payment && e.Payer != "" {
		s.same(e.name(), pair{"the device", e.Device, e.whose()})
	}
}

// uncertified reports whether an entry is what an intermediary paid for a device that it has
// certified and nobody has registered: it has no owner.
func (s *rowsRun) uncertified(e *entryRow) bool {
	return e.Kind == notary.HoldingPaid && e.Payer != "" && e.owner == "" &&
		len(s.unregistered[string(e.Device)]) > 0 && string(e.Device.Name()) == e.intermediary
}

// fits reports whether an entry has the shape.
func (w shape) fits(e *entry, order notary.OrderKey) bool {
	sign := func(amount money.Ore, want int) bool {
		switch want {
		case 0:
			return amount == 0
		case 2:
			return amount >= 0
		}
		return amount*money.Ore(want) > 0
	}
	payment := e.Payer != "" && e.Payee != "" && e.ATC > 0
	none := e.Payer == "" && e.Payee == "" && e.ATC == 0
	return sign(e.Online, w.online) && sign(e.Shadow, w.shadow) &&
		(w.online*w.shadow != -1 || e.Online == -e.Shadow) &&
		(e.Device != "") == w.device && (order != "") == w.order && (e.Instr > 0) == w.instr &&
		(payment && w.payment || none && (!w.payment || w.maybe))
}

// whose device an entry of a payment is about.
func (e *entryRow) whose() message.DeviceID {
	switch e.Kind {
	case notary.Received, notary.Collected, notary.RefundPaid:
		return e.Payee
	default:
		return e.Payer
	}
}

// collect keeps what other rows are held against.
func (s *rowsRun) collect(e *entryRow, d *deviceRow) {
	of := numberedRow{d.id, e.Instr}
	switch e.Kind {
	case notary.Loaded:
		s.credits[of] = e.order
	case notary.Released:
		if s.credits[of] != e.order {
			s.wrong(e.name(), "releases a credit of the order %q, it was loaded by %q", e.order,
				s.credits[of])
		}
	case notary.RefundPaid:
		s.refundsPaid[refundKey{e.intermediary, e.order}] = notary.Refund{Order: e.order,
			Payee: e.Payee, Payer: e.Payer, ATC: e.ATC, Amount: -e.Online}
	case notary.PoolLent:
		s.lent[e.flow()] += int64(e.Shadow)
		d.owes.borrowed += e.Shadow
	case notary.PoolReturned:
		d.owes.borrowed += e.Shadow
	case notary.HoldingPaid:
		if e.Payer == "" { // what the pool had lent
			d.owes.borrowed += e.Online
			d.owes.holding -= e.Online
		}
	case notary.HoldingRepaid:
		d.owes.holding -= e.Online
	case notary.PoolRepaid:
		d.owes.pool += e.Shadow
	default:
	}
}

// refundRows holds each refund that was answered against the entry that paid it.
func (s *rowsRun) refundRows() {
	s.refunds = map[string]bool{}
	s.each(func(row store.Row) error {
		var k refundKey
		var r notary.Refund
		var refusal int
		var at string
		if err := row.Scan(&k.intermediary, &k.order, &r.Payee, &r.Payer, &r.ATC, &r.Amount,
			&refusal, &at); err != nil {
			return err
		}
		where := "refund " + string(k.order) + " of " + k.intermediary
		s.joinedAs(where, k.intermediary)
		s.moments(where, at)
		r.Order = k.order
		switch paid, moved := s.refundsPaid[k]; {
		case moved != (refusal == 0):
			s.wrong(where, "its row says refused: %t, and an entry that paid it is there: %t",
				refusal != 0, moved)
		case moved && paid != r:
			s.wrong(where, "its row says %+v, the entry that paid it %+v", r, paid)
		}
		delete(s.refundsPaid, k)
		s.refunds[k.intermediary+":"+string(k.order)] = true
		return nil
	}, "SELECT intermediary, order_key, payee, payer, atc, amount, refusal, at FROM refund")
	for k := range s.refundsPaid {
		s.wrong("refund "+string(k.order)+" of "+k.intermediary, "was paid, and its row is gone")
	}
}

// poolRow: all loans together have one row. Its sum is invariant 13's; its cap is taken from the
// terms at each start.
func (s *rowsRun) poolRow() {
	rows := 0
	s.each(func(store.Row) error { rows++; return nil }, "SELECT one FROM pool_ahead")
	s.same("pool", pair{"rows", rows, 1})
}
