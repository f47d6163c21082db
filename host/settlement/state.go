package settlement

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// OpenChallenge implements notary.Participant.
func (p participant) OpenChallenge(
	ctx context.Context, o notary.Opening,
) (opened notary.Opened, err error) {
	if err := checkOpening(o); err != nil {
		return opened, err
	}
	j := &job{needs: needs{devices: []message.DeviceID{o.Device},
		instructions: []message.DeviceID{o.Device}, openings: []message.DeviceID{o.Device},
		owed: []message.DeviceID{o.Device}}}
	j.decide = func(t *txn) error {
		d, err := t.ownDevice(p.from, o.Device)
		if err != nil {
			return err
		}
		if _, err := t.instructionKeyOf(p.from, o.InstructionKey); err != nil {
			return err
		}
		known, now, err := t.opening(d.id)
		if err != nil {
			return err
		}
		for _, open := range slices.Backward(known.open) {
			// One that was opened before something was learned of the device must keep what was
			// known then, and a State that answers it counts as no younger than that.
			if open.key == o.InstructionKey && open.nonce == o.Nonce && open.then == now {
				opened.Random = open.random
				return nil
			}
		}
		if err := entropy.Fill(p.n.random, opened.Random[:]); err != nil {
			return fmt.Errorf("notary: %w", err)
		}
		return t.addChallenge(o, opened.Random, known, now)
	}
	j.conclude = func(t *txn) (err error) {
		opened.Owed, err = p.n.owed(t, o.Device)
		return err
	}
	err = p.n.write(ctx, j)
	return opened, err
}

func checkOpening(o notary.Opening) error {
	_, err := message.ParseDeviceID(string(o.Device))
	if err == nil {
		_, err = message.ParseAuthorityRef(string(o.InstructionKey))
	}
	if err != nil {
		return notary.Refuse(notary.Malformed, "Challenge to open: %v", err)
	}
	return nil
}

// addChallenge keeps an opened Challenge with what is known now, and forgets the one that is open
// too long by it.
func (t *txn) addChallenge(
	o notary.Opening, random message.Random, known *openingRow, now knowledge,
) error {
	identity, err := message.Identity(&message.Challenge{InstructionKey: o.InstructionKey,
		Device: o.Device, Nonce: o.Nonce, Random: random})
	if err != nil {
		return notary.Refuse(notary.Malformed, "Challenge to open: %v", err)
	}
	for _, open := range known.open {
		if open.younger+1 >= openChallenges {
			if err := t.exec("DELETE FROM challenge WHERE n = $1", open.n); err != nil {
				return err
			}
		}
	}
	t.work.newChallenges.Add(identity[:], string(o.Device), string(o.InstructionKey), o.Nonce[:],
		random[:], now.atc, now.sequence, now.request, t.stamp())
	t.work.change()
	delete(t.work.openings, o.Device) // it is known when it has its number
	return nil
}

// openChallenges is how many Challenges of a device are open at most: the last ones. Those that no
// State has answered by then are of sessions that have ended, and are forgotten.
const openChallenges = 16

// SubmitState implements notary.Participant.
func (p participant) SubmitState(
	ctx context.Context, state []byte,
) (report notary.StateReport, err error) {
	s, identity, err := parse[message.State](state)
	if err != nil {
		return report, err
	}
	proofs, err := p.n.gate.prove(ctx, store.DialectOf(p.n.db), s, s.Device)
	if err != nil {
		return report, err
	}
	before := int(s.Attacks)
	answers := challengeKey{s.Challenge, identity}
	j := &job{settles: true, proofs: proofs, needs: needs{devices: []message.DeviceID{s.Device},
		wallets: []message.DeviceID{s.Device}, instructions: []message.DeviceID{s.Device},
		clones: []message.DeviceID{s.Device}, challenges: []challengeKey{answers},
		beyond: []beyondKey{{s.Device, s.ATC, s.InstructionSequence}},
		owed:   []message.DeviceID{s.Device}}}
	if s.ATC > 0 {
		j.needs.records = []recordKey{{s.Device, s.ATC}}
	}
	for _, open := range s.OpenRequests {
		j.needs.requests = append(j.needs.requests, requestKey{s.Device, open.Number})
	}
	j.decide = func(t *txn) error {
		d, err := t.ownDevice(p.from, s.Device)
		if err != nil {
			return err
		}
		if !t.signedBy(s, d.key) {
			return notary.Refuse(notary.Signature,
				"State of %s is not signed by the registered key", d.id)
		}
		if err := t.loadChallenges(answers); err != nil {
			return err
		}
		opened := t.work.challenges[answers]
		if opened == nil || opened.device != d.id {
			return notary.Refuse(notary.Challenge, "State of %s answers a Challenge that was not "+
				"opened; open a new one and ask the card again", d.id)
		}
		if err := t.findClone(d, s, opened.then, state); err != nil {
			return err
		}
		t.work.synced[d.id], t.work.ordersHeld[d.id] = t.stamp(), s.OrderHeld[:]
		t.work.change()
		return nil
	}
	j.conclude = func(t *txn) error {
		if report, err = t.report(s.Device, s); err != nil {
			return err
		}
		if s.Attacks > 0 {
			if before, err = t.attacksBefore(s.Device, 0); err != nil {
				return err
			}
		}
		if report.Owed, err = p.n.owed(t, s.Device); err != nil {
			return err
		}
		return t.addState(answers, s.Device, state, report)
	}
	err = p.n.write(ctx, j)
	if err == nil && int(s.Attacks) > before && p.n.attacked != nil {
		p.n.attacked(s.Device, before, int(s.Attacks))
	}
	return report, err
}

// addState keeps a State with its judgement, which may be another one when it comes again.
func (t *txn) addState(
	answers challengeKey, id message.DeviceID, state []byte, report notary.StateReport,
) error {
	if err := t.loadChallenges(answers); err != nil {
		return err
	}
	opened, w := t.work.challenges[answers], t.work
	if opened.answered {
		w.changedStates.Add(answers.state[:], int64(report.Difference), report.Complete)
	} else {
		w.newStates.Add(answers.state[:], state, string(id), opened.n, t.stamp(),
			int64(report.Difference), report.Complete)
	}
	opened.answered = true
	w.change()
	return nil
}

// knowledge has the highest numbers of a device that were known when a Challenge was opened.
type knowledge struct{ atc, sequence, request int64 }

// opening returns what is known of a device's Challenges, and of the device.
func (t *txn) opening(id message.DeviceID) (known *openingRow, now knowledge, err error) {
	if err := t.loadOpenings(id); err != nil {
		return nil, now, err
	}
	known = t.work.openings[id]
	last, err := t.last(id)
	if err != nil {
		return nil, now, err
	}
	return known, knowledge{known.atc, last.applied(), known.request}, nil
}

// findClone compares the State with what was known when its Challenge was opened: a card never
// falls behind that. Only cards number their Requests consecutively.
func (t *txn) findClone(d *device, s *message.State, then knowledge, raw []byte) error {
	head, err := t.headAt(d, s.ATC)
	if err != nil {
		return err
	}
	for _, open := range s.OpenRequests {
		if cloned, err := t.oneRequest(requestRef{d.id, open.Number, open.Request},
			raw); err != nil || cloned {
			return err
		}
	}
	switch {
	case int64(s.ATC) < then.atc:
		return t.recordConflict(d.id, "a state behind known records", d.heldHead, raw, true)
	case int64(s.InstructionSequence) < then.sequence:
		return t.recordConflict(d.id, "a state behind known instructions", d.heldHead, raw, true)
	case d.role.CanPay() && int64(s.RequestCounter) < then.request:
		return t.recordConflict(d.id, "a state behind known requests", d.heldHead, raw, true)
	case head != nil && !bytes.Equal(head, s.Head[:]):
		return t.recordConflict(d.id, "a state of another chain", head, raw, true)
	case s.InstructionSequence == 0:
		return nil
	}
	return t.applied(d, s.InstructionSequence, s.LastInstruction, s.Credit, s.ATC, raw)
}

func (t *txn) report(id message.DeviceID, s *message.State) (notary.StateReport, error) {
	d, err := t.registered(id)
	if err != nil {
		return notary.StateReport{}, err
	}
	expected, err := t.expectedBalance(d, s)
	if err != nil {
		return notary.StateReport{}, err
	}
	if err := t.loadClones(id); err != nil {
		return notary.StateReport{}, err
	}
	return notary.StateReport{HeldATC: d.heldATC, HeldHead: [32]byte(d.heldHead),
		Difference: d.difference(s.Balance, expected),
		Complete:   d.heldATC >= s.ATC, Applied: s.InstructionSequence,
		Cloned: t.work.clones[id]}, nil
}

// difference returns the error of a State's balance. A terminal's balance is all that it ever
// accepted, in the 32 bits of the field: it counts modulo 2^32 öre.
func (d *device) difference(balance money.Ore, expected money.Ore) money.Ore {
	difference := balance - expected
	if !d.role.CanPay() {
		difference = money.Ore(int32(difference))
	}
	return difference
}

// expectedBalance returns the State's balance by protocol §8.2: what the device's wallet holds,
// with the sums that are kept with it, which are of everything that the notary holds, less what
// lies beyond the State. What a payer made beyond it has perhaps left the wallet, and not the card;
// the same with what it accepted beyond; an Instruction beyond has not been applied. A terminal's
// State has what it ever accepted, and nothing stays in a wallet of its own.
func (t *txn) expectedBalance(d *device, s *message.State) (money.Ore, error) {
	d, err := t.registered(d.id) // as it is now
	if err != nil {
		return 0, err
	}
	total := d.sums.collected
	if d.role.CanPay() {
		if total, err = t.book.Balance(t.ctx, shadowOf(d.id)); err != nil {
			return 0, err
		}
	}
	key := beyondKey{d.id, s.ATC, s.InstructionSequence}
	more, known := t.beyond[key]
	if !known {
		all, err := t.loadBeyond(key)
		if err != nil {
			return 0, err
		}
		more = all[key]
	}
	for _, part := range []money.Ore{more.paid, -more.accepted, -more.credited} {
		if total, err = total.Add(part); err != nil {
			return 0, fmt.Errorf("balance of %s: %w", d.id, err)
		}
	}
	return total - d.sums.unpaid + d.sums.accepted - d.sums.unanswered + d.sums.swept -
		d.sums.untaken, nil
}

// Position implements notary.Participant.
func (p participant) Position(
	ctx context.Context, id message.DeviceID, atc uint32,
) (at notary.Position, err error) {
	err = p.n.view(ctx, func(t *txn) error {
		d, err := t.ownDevice(p.from, id)
		if err != nil {
			return err
		}
		at = notary.Position{ATC: d.heldATC, Status: d.status}
		head, err := t.headAt(d, min(atc, d.heldATC))
		if err != nil {
			return err
		}
		at.Head = message.Hash(head)
		last, err := t.last(id)
		if err != nil {
			return err
		}
		at.Applied = uint32(last.applied())
		at.Accepted, err = t.expectedBalance(d,
			&message.State{ATC: d.heldATC, InstructionSequence: at.Applied})
		return err
	})
	return at, err
}
