package audit

import (
	"cmp"
	"crypto/ecdsa"
	"slices"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/notary"
)

// invariant11NoPartyAlone: an intermediary alone cannot raise a balance. Every Instruction is
// signed by an instruction key of the device's intermediary and by the notary, and its credit left
// the intermediary's holding, once.
func invariant11NoPartyAlone(s *auditRun) {
	loaded, released := map[string]money.Ore{}, map[string]money.Ore{}
	for _, e := range s.statement {
		name := instructionName(string(e.Device), e.Instr)
		switch e.Kind {
		case notary.Loaded:
			loaded[name] -= e.Online
		case notary.Released:
			released[name] += e.Online
		}
	}
	for _, i := range s.instructions {
		key := s.instructs[string(i.message.InstructionKey)]
		if !s.auditor.verified[i.identity] {
			good := key != nil && i.message.InstructionKey.Name() == i.message.Device.Name() &&
				slices.ContainsFunc(s.auditor.notaries, func(notary *ecdsa.PublicKey) bool {
					return message.Verify(i.message, key, notary) == nil
				})
			if !good {
				s.violated(i.name(), i.credit(), "is not signed by both")
			}
			s.auditor.verified[i.identity] = good
		}
		name := i.name()
		ended := s.devices[i.device] != nil && s.devices[i.device].status == notary.Ended
		if loaded[name] != i.credit() {
			s.violated(name, i.credit()-loaded[name],
				"its credit is %s, %s left the holding for it", i.credit(), loaded[name])
		}
		if back := released[name]; back != 0 && (!i.untaken || back != i.credit()) || back == 0 &&
			i.untaken && i.credit() > 0 && !ended {
			s.violated(name, back, "%s of its credit of %s went back", back, i.credit())
		}
		delete(loaded, name)
	}
	for name, amount := range loaded {
		s.violated(name, amount, "was loaded and is not held")
	}
	s.checkCoverLimits()
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
		w := s.decisions[p.request()]
		if p.fromHolding+p.fromPool == 0 || w == nil {
			continue
		}
		at := span{payee: p.payee(), ended: w.answer == nil}
		for _, i := range s.instructions {
			if i.device == at.payee && (w.answer == nil || i.message.AckedATC < w.answer.seq()) {
				at.after = max(at.after, i.message.AckedATC)
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
	ordered := slices.Clone(s.instructions)
	slices.SortFunc(ordered, func(a, b *instruction) int {
		return cmp.Compare(a.message.Sequence, b.message.Sequence)
	})
	for _, i := range ordered {
		if i.device != d.id || i.message.AckedATC > record {
			continue
		}
		if i.message.AckedATC < record {
			policies = nil
		}
		if i.message.Policy.Version > inForce.Version {
			inForce = i.message.Policy
		}
		policies = append(policies, inForce)
	}
	var room money.Ore
	for _, p := range policies {
		room = max(room, p.MaxBalance*money.Ore(p.MaxTransactions))
	}
	return room
}
