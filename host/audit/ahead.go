package audit

import (
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// lending is what the central bank keeps of all that its pool has lent.
type lending struct{ lent, cap money.Ore }

// readLending reads it anew each time: it is one row.
func readLending(r *reader) (l lending) {
	r.each(func(row store.Row) error { return row.Scan(&l.lent, &l.cap) },
		"SELECT lent, cap FROM pool_ahead")
	return l
}

// addLoans adds up the statement: what the pool has lent to each device and has not got back.
func (f *facts) addLoans() map[string]money.Ore {
	all := map[string]money.Ore{}
	for n := range f.statement {
		switch e := &f.statement[n]; {
		case e.Kind == notary.PoolLent, e.Kind == notary.PoolReturned:
			all[string(e.Device)] += e.Shadow
		case e.Kind == notary.HoldingPaid && e.Payer == "":
			all[string(e.Device)] += e.Online
		}
	}
	return all
}

// invariant13Lending: the pool lends within its cap, for claims that it settles, and is repaid
// first. What an ended device and its holding could not repay is a debt like others.
func invariant13Lending(s *auditRun) {
	var total money.Ore
	aside := s.setAside()
	for id, row := range s.devices {
		lent := s.borrowed[id]
		if row.status == notary.Ended {
			lent = 0
		}
		if total += lent; row.lent != lent || lent < 0 {
			s.violated(id, row.lent-lent, "its row says that the pool has lent it %s, the "+
				"statement adds up to %s", row.lent, lent)
		}
		if free := s.shadow[id] - aside[id]; lent > 0 && free > 0 {
			s.violated(id, free, "its wallet has %s and has not repaid the pool %s", free, lent)
		}
		if each := s.auditor.PoolAhead.MostForACard(); lent > each && s.lentMore(id, lent) {
			s.violated(id, lent-each, "the pool has lent it %s, to one card it lends %s", lent,
				each)
		}
	}
	if total != s.lending.lent || total > s.lending.cap {
		s.violated("pool", s.lending.lent-total, "%s is lent, its row says %s under a cap of %s",
			total, s.lending.lent, s.lending.cap)
	}
	if most := s.auditor.PoolAhead.Cap; total > most && s.lentMore("", total) {
		s.violated("pool", total-most, "%s is lent, at most %s may be", total, most)
	}
	s.checkLoans()
}

// lentMore reports whether more is lent to a device, or with an empty id to all, than at the last
// look: what was lent under a higher cap stays.
func (s *auditRun) lentMore(id string, now money.Ore) bool {
	before := s.auditor.before
	switch {
	case before == nil:
		return false
	case id == "":
		return now > before.lent
	}
	return now > before.borrowed[id]
}

// checkLoans: each loan is for one payment, which it settled, and which its payer's card has made
// as its record; not for one to the unload desk.
func (s *auditRun) checkLoans() {
	settled := map[flowKey]*payment{}
	for _, p := range s.payments {
		if p.verdict == notary.Settled && p.signatureStatus == 0 {
			settled[p.flow()] = p
		}
	}
	seen := map[flowKey]bool{}
	for n := range s.statement {
		e := &s.statement[n]
		if e.Kind != notary.PoolLent {
			continue
		}
		k := e.flow()
		p := settled[k]
		switch {
		case p == nil || seen[k] || e.Shadow <= 0 || e.Shadow > p.amount ||
			string(e.Device) != p.payer:
			s.violated(k.String(), e.Shadow, "the pool has lent %s for it, which it did not settle",
				e.Shadow)
		case s.devices[p.payee] == nil || s.devices[p.payee].role == spec.RoleDesk:
			s.violated(k.String(), e.Shadow, "the pool has lent %s for an unload", e.Shadow)
		}
		seen[k] = true
	}
}

// checkRepaid: when all agree, a card in use of which nothing waits owes the pool nothing.
func (s *auditRun) checkRepaid(id string) {
	for _, p := range s.rowsOf(id).received {
		if !p.verdict.Final() {
			return
		}
	}
	if lent := s.devices[id].lent; lent != 0 {
		s.violated(id, lent, "it owes the pool %s, and nothing that it was paid waits", lent)
	}
}
