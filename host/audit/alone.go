package audit

import (
	"crypto/ecdsa"
	"math"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
)

// invariant11NoPartyAlone: an intermediary alone cannot raise a balance. Every Instruction is
// signed by an instruction key of the device's intermediary and by the notary, and its credit left
// the intermediary's holding, once.
func invariant11NoPartyAlone(s *auditRun) {
	loaded, released := map[numberedRow]money.Ore{}, map[numberedRow]money.Ore{}
	for n := range s.statement {
		e := &s.statement[n]
		of := numberedRow{string(e.Device), e.Instr}
		switch e.Kind {
		case notary.Loaded:
			loaded[of] -= e.Online
		case notary.Released:
			released[of] += e.Online
		}
	}
	for _, i := range s.instructions {
		s.checkBothSigned(i)
		ended := s.devices[i.device] != nil && s.devices[i.device].status == notary.Ended
		if loaded[i.named] != i.credit {
			s.violated(i.name(), i.credit-loaded[i.named],
				"its credit is %s, %s left the holding for it", i.credit, loaded[i.named])
		}
		if back := released[i.named]; back != 0 && (!i.untaken || back != i.credit) || back == 0 &&
			i.untaken && i.credit > 0 && !ended {
			s.violated(i.name(), back, "%s of its credit of %s went back", back, i.credit)
		}
		delete(loaded, i.named)
	}
	for of, amount := range loaded {
		s.violated(instructionName(of.device, of.number), amount, "was loaded and is not held")
	}
	s.checkCoverLimits()
}

// checkBothSigned: by an instruction key of the device's intermediary, and by the notary.
func (s *auditRun) checkBothSigned(i *instruction) {
	if !s.auditor.bothSigned(i, s.instructs[string(i.by)]) {
		s.violated(i.name(), i.credit, "is not signed by both")
	}
}

// bothSigned verifies each Instruction once, by its instruction key.
func (a *Auditor) bothSigned(i *instruction, key *ecdsa.PublicKey) bool {
	if a.verified[i.identity] {
		i.bytes = nil
		return true
	}
	m, err := message.Parse[message.Instruction](i.bytes)
	good := err == nil && key != nil && i.by.Name() == m.Device.Name() &&
		slices.ContainsFunc(a.notaries, func(notary *ecdsa.PublicKey) bool {
			return message.Verify(m, key, notary) == nil
		})
	if good {
		a.verified[i.identity], i.bytes = true, nil
	}
	return good
}

// checkCoverLimits: what holdings and pool paid to one payee for acceptances between two of its
// acknowledgements is at most what the policy in force then, or a crisis order, let an honest
// device accept in that time, whoever has whose key. A Request of an honest one can be as old as
// the device, and was made under the policy of that day.
func (s *auditRun) checkCoverLimits() {
	type span struct {
		payee string
		after uint32 // its acknowledged record before the acceptance
		ended bool   // its end decided for it
	}
	type gift struct {
		sum    money.Ore
		asked  message.Date // the first day on which any of it was asked for
		before uint32       // number of the Instruction that acknowledges the last of it
	}
	given := map[span]*gift{}
	for _, p := range s.payments {
		w, decided := s.decisions[p.requested]
		if p.fromHolding+p.fromPool == 0 || !decided {
			continue
		}
		at, before := span{payee: p.payee, ended: w.answer == nil}, uint32(math.MaxUint32)
		for _, i := range s.rowsOf(at.payee).instructions {
			if w.answer == nil || i.acked < w.answer.seq {
				at.after = max(at.after, i.acked)
			} else {
				before = min(before, i.number)
			}
		}
		if given[at] == nil {
			given[at] = &gift{asked: p.asked}
		}
		g := given[at]
		g.sum, g.before = g.sum+p.fromHolding+p.fromPool, max(g.before, before)
		if p.asked.Before(g.asked) {
			g.asked = p.asked
		}
		if s.honest.Has(p.payee) {
			g.asked = message.Date{}
		}
	}
	for at, g := range given {
		d := s.devices[at.payee]
		if d == nil {
			d = &device{id: at.payee}
		}
		rows := s.crisisRows(d, g.before)
		room := s.terminalRoom(rows)
		if d.ceilings != nil {
			room = s.roomAfter(d, at.after, g.asked, rows)
		}
		if g.sum > room {
			s.violated(at.payee, g.sum-room,
				"holdings paid %s for what it accepted after record %d, its room is %s", g.sum,
				at.after, room)
		}
	}
}

// crisisRows are the rows of all orders that were ever signed, for a device in the groups that it
// can have been in before it took an Instruction.
func (s *auditRun) crisisRows(d *device, before uint32) (rows []message.CrisisRow) {
	groups := []uint8{0}
	for _, i := range s.rowsOf(d.id).instructions {
		if i.number < before {
			groups = append(groups, i.group)
		}
	}
	if len(groups) == 1 {
		groups = append(groups, d.group) // of its personalization
	}
	for _, o := range s.crises {
		for _, group := range groups {
			if row, fits := o.Row(message.Name(d.intermediary), group); fits {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// terminalRoom is what a terminal or desk can take between two acknowledgements.
func (s *auditRun) terminalRoom(crises []message.CrisisRow) money.Ore {
	room := s.auditor.CoverLimit
	for _, row := range crises {
		room = max(room, row.MaxReceived)
	}
	return room
}

// roomAfter is what a card could accept after it had acknowledged that record and before it
// acknowledged another, by the policies that were in force between, by those before them since the
// day on which it had asked for it, and by crisis orders.
func (s *auditRun) roomAfter(
	d *device, record uint32, asked message.Date, crises []message.CrisisRow,
) money.Ore {
	inForce := message.DefaultPolicy().Under(*d.ceilings)
	policies := []message.Policy{inForce}
	for _, i := range s.rowsOf(d.id).instructions { // by their numbers
		if i.acked > record {
			continue
		}
		if i.acked < record && i.date.Before(asked) {
			policies = nil
		}
		if i.policy.Version > inForce.Version {
			inForce = i.policy
		}
		policies = append(policies, inForce)
	}
	var room money.Ore
	for _, p := range policies {
		room = max(room, p.MaxBalance*money.Ore(p.MaxTransactions))
		for _, row := range crises {
			raised := row.Raise(p, *d.ceilings)
			room = max(room, raised.MaxBalance*money.Ore(raised.MaxTransactions))
		}
	}
	return room
}
