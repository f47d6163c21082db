package audit

import (
	"crypto/ecdsa"
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
// acknowledgements is at most what the policy in force then let an honest device accept in that
// time, whoever has whose key.
func (s *auditRun) checkCoverLimits() {
	type span struct {
		payee string
		after uint32 // its acknowledged record before the acceptance
		ended bool   // its end decided for it
	}
	given := map[span]money.Ore{}
	for _, p := range s.payments {
		w, decided := s.decisions[p.requested]
		if p.fromHolding+p.fromPool == 0 || !decided {
			continue
		}
		at := span{payee: p.payee, ended: w.answer == nil}
		for _, i := range s.rowsOf(at.payee).instructions {
			if w.answer == nil || i.acked < w.answer.seq {
				at.after = max(at.after, i.acked)
			}
		}
		given[at] += p.fromHolding + p.fromPool
	}
	for at, sum := range given {
		room := s.auditor.CoverLimit
		if d := s.devices[at.payee]; d != nil && d.ceilings != nil {
			room = s.roomAfter(d, at.after)
		}
		if sum > room {
			s.violated(at.payee, sum-room,
				"holdings paid %s for what it accepted after record %d, its room is %s", sum,
				at.after, room)
		}
	}
}

// roomAfter is what a card could accept after it had acknowledged that record and before it
// acknowledged another, by the policies that were in force between, and by the one before them,
// under which what was open then had been asked for.
func (s *auditRun) roomAfter(d *device, record uint32) money.Ore {
	inForce := message.DefaultPolicy().Under(*d.ceilings)
	policies := []message.Policy{inForce}
	for _, i := range s.rowsOf(d.id).instructions { // by their numbers
		if i.acked > record {
			continue
		}
		if i.acked < record {
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
	}
	return room
}
