package audit

import (
	"math"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
)

// invariant2Balance: for every honest device, at the atc and instrSeq of its State: balance =
// shadow + accepted in its records and not yet settled in - paid in its records and not yet settled
// out or returned - settled in from records beyond that State + settled out or returned from
// records beyond it - credits in later Instructions or untaken and not yet released. For a
// terminal: what it ever accepted, the same + swept to online. Where a holding helped, or the end
// of the device swept the wallet: - what they put in, + what they took; and what an ended device
// was refunded came into its wallet only.
//
// What the device knows and the notary does not is in its records: it is added with the same rule.
func invariant2Balance(s *auditRun, id string, d Device) {
	row := s.devices[id]
	if row == nil {
		s.violated(id, 0, "an honest device that is not registered")
		return
	}
	expected := s.shadow[id] + s.paidAndPaidOut(id, d) + s.acceptedAndIn(id, d) -
		s.creditsAhead(id, d.State)
	for _, e := range s.rowsOf(id).entries {
		switch e.Kind {
		case notary.Swept, notary.HoldingRepaid, notary.PoolRepaid, notary.RefundReceived,
			notary.PoolLent, notary.PoolReturned:
			expected -= e.Shadow
		}
	}
	balance := d.State.Balance
	if !row.role.CanPay() { // counts in 32 bits
		expected &= math.MaxUint32
	}
	if balance != expected {
		s.violated(id, balance-expected, "its balance is %s, shadow wallet and records say %s",
			balance, expected)
	}
}

// paidAndPaidOut: payments in the device's records that its wallet has not, or not wholly, paid,
// are owed; those beyond its records that the wallet has paid are not its device's yet.
func (s *auditRun) paidAndPaidOut(id string, d Device) (change money.Ore) {
	known := map[message.Hash]bool{}
	for _, p := range s.rowsOf(id).paid {
		if p.signatureStatus > 1 {
			continue
		}
		known[p.identity] = true
		if p.signatureStatus == 0 && p.atc <= d.State.ATC {
			change -= p.amount - p.fromShadow
		} else {
			change += p.fromShadow
		}
	}
	for _, r := range d.Records {
		if r.Payment == nil || r.Receipt != nil {
			continue
		}
		if identity, err := message.Identity(r.Payment); err != nil || !known[identity] {
			change -= r.Payment.Request.Amount
		}
	}
	return change
}

// acceptedAndIn: what the device accepted and the notary has not settled is in its balance only;
// what the notary settled and the device has not accepted is in the wallet only. For a terminal the
// wallet is what it collected.
func (s *auditRun) acceptedAndIn(id string, d Device) (change money.Ore) {
	accepted := map[message.Hash]bool{}
	for _, p := range s.acceptedBy(id, d) {
		if accepted[p.identity] {
			continue
		}
		accepted[p.identity] = true
		if !p.paid() {
			change += p.amount
		}
	}
	terminal := !s.devices[id].role.CanPay()
	for _, p := range s.rowsOf(id).received {
		if !p.paid() {
			continue
		}
		if terminal {
			change += p.amount
		}
		if !accepted[p.identity] {
			change -= p.amount
		}
	}
	return change
}

// creditsAhead returns the credits in the wallet that are not in the State's balance: of later
// Instructions, or untaken, and not released.
func (s *auditRun) creditsAhead(id string, state *message.State) (sum money.Ore) {
	released := map[uint32]bool{}
	for _, e := range s.rowsOf(id).entries {
		if e.Kind == notary.Released {
			released[e.Instr] = true
		}
	}
	for _, i := range s.rowsOf(id).instructions {
		if released[i.number] {
			continue
		}
		untaken := i.untaken || i.number == state.InstructionSequence &&
			state.Credit == spec.CreditNotTaken
		if untaken || i.number > state.InstructionSequence {
			sum += i.credit
		}
	}
	return sum
}

// invariant6Grow: atc, ackedAtc, instrSeq, request counter, policy version and date only grow: on
// each honest device since the last look, and from each Instruction to the next.
func invariant6Grow(s *auditRun, id string, d Device) {
	before := s.auditor.states[id]
	if before == nil {
		return
	}
	now := d.State
	for _, c := range []struct {
		what     string
		from, to uint32
	}{
		{"atc", before.ATC, now.ATC}, {"ackedAtc", before.AckedATC, now.AckedATC},
		{"instrSeq", before.InstructionSequence, now.InstructionSequence},
		{"request counter", before.RequestCounter, now.RequestCounter},
		{"policy version", before.PolicyVersion, now.PolicyVersion},
	} {
		if c.to < c.from {
			s.violated(id, 0, "%s went from %d to %d", c.what, c.from, c.to)
		}
	}
	if now.Date.Before(before.Date) {
		s.violated(id, 0, "date went from %s to %s", before.Date, now.Date)
	}
}

func invariant6Instructions(s *auditRun) {
	var before *instruction
	for _, i := range s.instructions {
		if l := before; l != nil && l.device == i.device &&
			(i.number != l.named.number+1 || i.acked < l.acked ||
				i.date.Before(l.date) || i.policy.Version < l.policy.Version) {
			s.violated(i.name(), 0, "steps back behind instruction %d, or skips one",
				l.named.number)
		}
		before = i
	}
}

// invariant7Limits: balance and open requests under the ceilings, log and open requests in their
// room.
func invariant7Limits(s *auditRun, id string, d Device) {
	row := s.devices[id]
	if row == nil || row.ceilings == nil {
		return
	}
	total := d.State.Balance
	for _, r := range d.State.OpenRequests {
		total += r.Amount
	}
	if ceiling := row.ceilings.MaxBalance; total > ceiling {
		s.violated(id, total-ceiling, "balance and open requests are %s, the ceiling is %s",
			total, ceiling)
	}
	if len(d.State.OpenRequests) > spec.MaxOpenRequests {
		s.violated(id, 0, "%d requests are open, at most %d may be", len(d.State.OpenRequests),
			spec.MaxOpenRequests)
	}
	if kept := int(d.State.ATC-d.State.AckedATC) +
		len(d.State.OpenRequests); kept > row.slots {
		s.violated(id, 0, "records and open requests take %d slots, there are %d", kept,
			row.slots)
	}
}

// invariant7Accounts: no account below zero, and nothing set aside that is not there.
func invariant7Accounts(s *auditRun) {
	for _, kind := range []map[string]money.Ore{s.online, s.shadow, {"pool": s.pool()}} {
		for name, balance := range kind {
			if balance < 0 {
				s.violated(name, balance, "is below zero: %s", balance)
			}
		}
	}
	for id, sum := range s.setAside() {
		if sum > s.shadow[id] {
			s.violated(id, sum-s.shadow[id], "%s is set aside for reserved payments and "+
				"unconfirmed credits, its shadow wallet holds %s", sum, s.shadow[id])
		}
	}
}

// setAside is what wallets hold for reserved payments, the netting under way and unconfirmed
// credits.
func (f *facts) setAside() map[string]money.Ore {
	aside := map[string]money.Ore{}
	for id, d := range f.devices {
		if d.netted != 0 {
			aside[id] = d.netted
		}
	}
	for _, p := range f.payments {
		if p.verdict == notary.Reserved {
			aside[p.payer] += p.amount
		}
	}
	for _, i := range f.instructions {
		if d := f.devices[i.device]; i.open && d != nil && d.status != notary.Ended {
			aside[i.device] += i.credit
		}
	}
	return aside
}

// invariant10Agreement: after two whole rounds without faults every honest device in use and its
// intermediary agree: everything is acknowledged, nothing waits, and the balance is the shadow
// wallet's.
func invariant10Agreement(s *auditRun, id string, d Device) {
	if !s.trusted(id) {
		return
	}
	if d.State.AckedATC != d.State.ATC {
		s.violated(id, 0, "%d records are not acknowledged", d.State.ATC-d.State.AckedATC)
	}
	s.checkRepaid(id)
	for _, r := range d.State.OpenRequests { // a payment for it may be under way, never settled
		for _, p := range s.rowsOf(id).received {
			if p.number == r.Number && p.paid() {
				s.violated(id, p.amount, "request %d is open and %s is settled", r.Number,
					p.name())
			}
		}
	}
	if balance := d.State.Balance; s.devices[id].role.CanPay() && balance != s.shadow[id] {
		s.violated(id, balance-s.shadow[id], "its balance is %s, its shadow wallet holds %s",
			balance, s.shadow[id])
	}
}

func invariant10Settled(s *auditRun) {
	for _, p := range s.payments {
		if !p.verdict.Final() && s.trusted(p.payer) && s.trusted(p.payee) {
			s.violated(p.name(), p.amount, "is %s", p.verdict)
		}
	}
	for _, i := range s.instructions {
		if i.open && s.trusted(i.device) {
			s.violated(i.name(), i.credit, "is not confirmed")
		}
	}
}
