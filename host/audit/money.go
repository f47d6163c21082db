package audit

import (
	"crypto/ecdsa"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
)

// holdings adds up the statement: every intermediary's online holding and every device's shadow
// wallet.
func (f *facts) holdings() (online, shadow map[string]money.Ore) {
	online, shadow = map[string]money.Ore{}, map[string]money.Ore{}
	for n := range f.statement {
		e := &f.statement[n]
		online[e.intermediary] += e.Online
		if e.Device != "" {
			shadow[string(e.Device)] += e.Shadow
		}
	}
	return online, shadow
}

// pool returns what was put in, less what the pool paid or lent, and what was repaid.
func (f *facts) pool() money.Ore {
	sum := f.toPool
	for _, p := range f.payments {
		sum -= p.fromPool
	}
	for n := range f.statement {
		switch e := &f.statement[n]; e.Kind {
		case notary.PoolRepaid, notary.PoolLent, notary.PoolReturned:
			sum -= e.Shadow
		case notary.HoldingPaid:
			if e.Payer == "" { // what the pool had lent to an ended device
				sum -= e.Online
			}
		}
	}
	return sum
}

func sum(all map[string]money.Ore) (total money.Ore) {
	for _, v := range all {
		total += v
	}
	return total
}

// invariant1Issued: issued = all online + all shadow + pool + clearing, always; and the ledger says
// the same of each account.
func invariant1Issued(s *auditRun) {
	pool := s.pool()
	if total := sum(s.online) + sum(s.shadow) + pool + s.clearing; total != s.issued {
		s.violated("all accounts", total-s.issued, "they hold %s, issued were %s", total, s.issued)
	}
	for _, u := range s.unbalanced {
		s.violated(u.where, u.differ, "its entries in the ledger do not add up")
	}
	want := map[string]money.Ore{"pool": pool, "issued": -s.issued,
		"clearing": s.clearing}
	for name, v := range s.online {
		want["online:"+name] = v
	}
	for name, v := range s.shadow {
		want["shadow:"+name] = v
	}
	for account := range want {
		if _, opened := s.accounts[account]; !opened && want[account] != 0 {
			s.violated("account "+account, -want[account], "the ledger has none, the statement "+
				"adds up to %s", want[account])
		}
	}
	for account, balance := range s.accounts {
		if balance != want[account] {
			s.violated("account "+account, balance-want[account],
				"the ledger has %s, the statement adds up to %s", balance, want[account])
		}
	}
}

// invariant3NoValueCreated: what honest devices could spend never exceeds shadow + pool, and what
// is on its way from one shadow wallet to another.
func invariant3NoValueCreated(s *auditRun) {
	if backing := sum(s.shadow) + s.pool() + s.clearing; s.spendable > backing {
		s.violated("honest devices", s.spendable-backing,
			"they could spend %s, shadow wallets and pool hold %s", s.spendable, backing)
	}
}

// invariant3Spendable adds up what honest devices could spend. What they accepted from devices that
// are not honest, or have ended, or from a key that is not theirs, is a claim on an intermediary
// until it is settled.
func invariant3Spendable(s *auditRun, id string, d Device) {
	if !s.trusted(id) || !s.devices[id].role.CanPay() {
		return
	}
	s.spendable += d.State.Balance
	for _, p := range s.acceptedBy(id, d) {
		if !p.paid() && !s.backed(p) {
			s.spendable -= p.amount
		}
	}
}

// trusted: an honest device that has not ended.
func (s *auditRun) trusted(id string) bool {
	return s.honest.Has(id) && s.devices[id] != nil && s.devices[id].status != notary.Ended
}

// backed: the payment is the first decision of an honest device in use, under that number.
func (s *auditRun) backed(p *payment) bool {
	return s.trusted(p.payer) && p.signatureStatus == 0 &&
		s.auditor.signed(p, []*ecdsa.PublicKey{s.devices[p.payer].key})
}

// acceptedIn returns the payment that a Receipt accepts, as far as the notary holds it: the one
// with its identity, of the Request that it names.
func (s *auditRun) acceptedIn(v *payeeAnswer) *payment {
	if v.accepts == nil {
		return nil
	}
	if p := s.byIdentity[*v.accepts]; p != nil && p.requested == v.about {
		return p
	}
	return nil
}

// acceptedBy returns the payments in the device's accept records, those that the notary has not
// seen included.
func (s *auditRun) acceptedBy(id string, d Device) (all []*payment) {
	for _, v := range s.rowsOf(id).answers {
		if p := s.acceptedIn(v); p != nil && v.seq <= d.State.AckedATC {
			all = append(all, p)
		}
	}
	for _, r := range d.Records {
		if r.Receipt == nil {
			continue
		}
		p := s.byIdentity[r.Receipt.Payment]
		if p == nil {
			p = unseen(r.Payment)
		}
		all = append(all, p)
	}
	return all
}

// unseen is a payment that the notary does not hold. One that cannot be encoded has no identity,
// and no key has signed it.
func unseen(m *message.Payment) *payment {
	p := &payment{}
	if err := (names{}).fill(p, m); err == nil {
		p.bytes, _ = message.Encode(m)
	}
	return p
}

// flowKey is what statement and payment share.
type flowKey struct {
	payer, payee string
	atc          uint32
}

func (k flowKey) String() string { return paymentName(k.payer, k.atc) + " to " + k.payee }

func (p *payment) flow() flowKey { return flowKey{p.payer, p.payee, p.atc} }

func (e *entry) flow() flowKey { return flowKey{string(e.Payer), string(e.Payee), e.ATC} }

// invariant4Accounted: what a payment took is with the payee or came back, once, never both, and
// the statement agrees. What a terminal refunded later is at most what it received.
func invariant4Accounted(s *auditRun) {
	type flow struct{ paid, holding, received, returned money.Ore }
	want := make(map[flowKey]flow, len(s.payments))
	got := make(map[flowKey]flow, len(s.payments))
	for _, p := range s.payments {
		s.checkSources(p)
		k := p.flow()
		w := want[k] // two bodies of one clone may share the name
		switch {
		case p.netting == debited:
			w.paid += p.fromShadow
		case p.paid():
			w.paid, w.holding, w.received = w.paid+p.fromShadow, w.holding+p.fromHolding,
				w.received+p.amount
		case p.verdict == notary.Void:
			w.returned += p.fromShadow
		}
		want[k] = w
	}
	for n := range s.statement {
		e := &s.statement[n]
		if e.Payer == "" {
			continue
		}
		k := e.flow()
		g := got[k]
		switch e.Kind {
		case notary.Paid:
			g.paid -= e.Shadow
		case notary.HoldingPaid:
			g.holding -= e.Online
		case notary.Received:
			g.received += e.Shadow
		case notary.Collected, notary.Unloaded:
			g.received += e.Online
		case notary.Returned:
			g.returned += e.Online
			if e.Shadow != -e.Online {
				s.violated(k.String(), e.Shadow+e.Online,
					"returned %s from a shadow wallet that gave %s", e.Online, -e.Shadow)
			}
		}
		got[k] = g
	}
	for k, w := range want {
		if got[k] != w {
			s.violated(k.String(), got[k].received+got[k].returned-w.received-w.returned,
				"moved %+v, its verdict says %+v", got[k], w)
		}
	}
	for k := range got {
		if _, known := want[k]; !known {
			s.violated(k.String(), got[k].received, "money moved for a payment that is not held")
		}
	}
	s.checkRefunded()
}

// checkSources: the sources of a paid payment add up to its amount; a void one moved all or, where
// no shadow wallet is liable, nothing.
func (s *auditRun) checkSources(p *payment) {
	total := p.fromShadow + p.fromHolding + p.fromPool
	answers := p.signatureStatus < 2 && s.devices[p.payer] != nil &&
		s.devices[p.payer].status != notary.Ended
	ok := false
	switch p.verdict {
	case notary.Settled:
		ok = p.fromShadow == p.amount && total == p.amount
	case notary.Uncovered:
		ok = p.fromShadow < p.amount && total == p.amount && !answers
	case notary.Void:
		ok = total == p.fromShadow && (total == p.amount || total == 0 && !answers)
	case notary.Reserved, notary.Waiting:
		ok = total == 0
		if p.netting == debited {
			ok = p.fromShadow == p.amount && total == p.amount
		}
	}
	if !ok {
		s.violated(p.name(), total-p.amount,
			"%s, of %s, took %s from its shadow wallet, %s from a holding and %s from the pool",
			p.verdict, p.amount, p.fromShadow, p.fromHolding, p.fromPool)
	}
}
