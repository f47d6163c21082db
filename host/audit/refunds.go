package audit

import (
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
)

// refund is one refund order, as the statements of its two intermediaries show it.
type refund struct {
	paid, received *entry
}

// refunds pairs what was paid back with what was received: same order, same payment. An entry
// without a partner stands alone, and so does one that is reported twice.
func (f *facts) refunds() (all []*refund) {
	type name struct {
		order        notary.OrderKey
		payer, payee message.DeviceID
	}
	alone := map[name]*refund{}
	find := func(e *entry, side func(*refund) **entry) {
		n := name{e.Order, e.Payer, e.Payee}
		r := alone[n]
		if r == nil || *side(r) != nil {
			r = &refund{}
			alone[n], all = r, append(all, r)
		}
		*side(r) = e
	}
	for i := range f.statement {
		switch e := &f.statement[i]; e.Kind {
		case notary.RefundPaid:
			find(e, func(r *refund) **entry { return &r.paid })
		case notary.RefundReceived:
			find(e, func(r *refund) **entry { return &r.received })
		}
	}
	return all
}

func (r *refund) name() string {
	if r.paid != nil {
		return "refund " + string(r.paid.Order)
	}
	return "refund " + string(r.received.Order)
}

// given returns what the terminal's side paid, got returns what the payer's side received: online,
// or in the shadow wallet of a device that has ended.
func (r *refund) given() money.Ore {
	if r.paid == nil {
		return 0
	}
	return -r.paid.Online
}

func (r *refund) got() money.Ore {
	if r.received == nil {
		return 0
	}
	return r.received.Online + r.received.Shadow
}

// checkRefunded is invariant 4 for refunds: the payer's side received what the terminal's side
// gave, and all refunds of a payment together are at most what it paid.
func (s *auditRun) checkRefunded() {
	sums := map[flowKey]money.Ore{}
	for _, r := range s.refunds() {
		if r.given() <= 0 || r.got() != r.given() {
			s.violated(r.name(), r.got()-r.given(), "gave %s and brought %s", r.given(), r.got())
			continue
		}
		sums[r.paid.flow()] += r.given()
	}
	for _, p := range s.payments {
		if p.verdict == notary.Settled && p.signatureStatus == 0 {
			k := p.flow()
			if sums[k] > p.amount {
				s.violated(k.String(), sums[k]-p.amount, "paid %s, %s of it was refunded",
					p.amount, sums[k])
			}
			delete(sums, k)
		}
	}
	for k, sum := range sums {
		s.violated(k.String(), sum, "was refunded and is not settled")
	}
}

// checkRefunds is invariant 9 for refunds: the debit is that of the intermediary whose terminal was
// paid, the credit goes to the payer's, for the payer's device.
func (s *auditRun) checkRefunds() {
	for _, r := range s.refunds() {
		if r.paid == nil {
			s.violated(r.name(), r.got(), "nobody paid it")
			continue
		}
		terminal, payer := s.devices[string(r.paid.Payee)], s.devices[string(r.paid.Payer)]
		switch {
		case terminal == nil || terminal.role != spec.RoleTerminal &&
			terminal.role != spec.RoleSAM || r.paid.Device != r.paid.Payee:
			s.violated(r.name(), r.given(), "%s is no terminal", r.paid.Payee)
		case terminal.intermediary != r.paid.intermediary:
			s.violated(r.name(), r.given(), "was paid by %s for a terminal of %s",
				r.paid.intermediary, terminal.intermediary)
		case r.received != nil && (payer == nil || payer.intermediary != r.received.intermediary ||
			r.received.Device != r.paid.Payer):
			s.violated(r.name(), r.got(), "went to %s at %s, it was paid by %s", r.received.Device,
				r.received.intermediary, r.paid.Payer)
		}
	}
}
