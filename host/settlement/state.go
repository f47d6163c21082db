package settlement

import (
	"bytes"
	"context"
	"fmt"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// OpenChallenge implements notary.Participant.
func (p participant) OpenChallenge(
	ctx context.Context, o notary.Opening,
) (random message.Random, err error) {
	err = p.n.transact(ctx, func(t *txn) error {
		if err := checkOpening(o); err != nil {
			return err
		}
		d, err := t.ownDevice(p.from, o.Device)
		if err != nil {
			return err
		}
		if _, err := t.instructionKeyOf(p.from, o.InstructionKey); err != nil {
			return err
		}
		now, err := t.knowledgeOf(d.id)
		if err != nil {
			return err
		}
		open, opened, err := t.openedBefore(o, now)
		if err != nil || opened {
			random = open
			return err
		}
		if err := entropy.Fill(p.n.random, random[:]); err != nil {
			return fmt.Errorf("notary: %w", err)
		}
		return t.addChallenge(o, random, now)
	})
	return random, err
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

// openedBefore returns the random number of a Challenge that was opened for the same session, that
// no State has answered, and since when nothing was learned of the device. One opened before that
// must keep what was known then, and a State that answers it counts as no younger than that.
func (t *txn) openedBefore(
	o notary.Opening, now knowledge,
) (random message.Random, opened bool, err error) {
	var drawn []byte
	opened, err = t.queryRow(`SELECT random FROM challenge WHERE device = $1
		AND instruction_key = $2 AND nonce = $3
		AND known_atc = $4 AND known_seq = $5 AND known_request = $6
		AND NOT EXISTS (SELECT 1 FROM state s WHERE s.device = challenge.device AND
		s.challenge = challenge.n) ORDER BY n DESC LIMIT 1`, []any{o.Device, o.InstructionKey, o.Nonce[:], now.atc,
		now.sequence, now.request}, &drawn)
	copy(random[:], drawn)
	return random, opened, err
}

// addChallenge keeps an opened Challenge with what is known now, and forgets old ones that no State
// has answered.
func (t *txn) addChallenge(o notary.Opening, random message.Random, now knowledge) error {
	identity, err := message.Identity(&message.Challenge{InstructionKey: o.InstructionKey,
		Device: o.Device, Nonce: o.Nonce, Random: random})
	if err != nil {
		return notary.Refuse(notary.Malformed, "Challenge to open: %v", err)
	}
	if err := t.exec(`INSERT INTO challenge (identity, device, instruction_key, nonce, random,
		known_atc, known_seq, known_request, opened_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, identity[:], o.Device, o.InstructionKey,
		o.Nonce[:], random[:], now.atc, now.sequence, now.request, t.stamp()); err != nil {
		return err
	}
	return t.exec(`DELETE FROM challenge WHERE device = $1
		AND NOT EXISTS (SELECT 1 FROM state s WHERE s.device = $2 AND s.challenge = challenge.n)
		AND n NOT IN (SELECT n FROM challenge WHERE device = $3 ORDER BY n DESC LIMIT $4)`,
		o.Device, o.Device, o.Device, openChallenges)
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
	err = p.n.write(ctx, &job{proofs: proofs, do: func(t *txn) error {
		d, err := t.ownDevice(p.from, s.Device)
		if err != nil {
			return err
		}
		if !t.signedBy(s, d.key) {
			return notary.Refuse(notary.Signature,
				"State of %s is not signed by the registered key", d.id)
		}
		var opened int64
		var then knowledge
		known, err := t.queryRow("SELECT n, known_atc, known_seq, known_request FROM challenge "+
			"WHERE identity = $1 AND device = $2", []any{s.Challenge[:], d.id},
			&opened, &then.atc, &then.sequence, &then.request)
		if err != nil {
			return err
		}
		if !known {
			return notary.Refuse(notary.Challenge, "State of %s answers a Challenge that was not "+
				"opened; open a new one and ask the card again", d.id)
		}
		if err := t.findClone(d, s, then, state); err != nil {
			return err
		}
		if err := t.exec("UPDATE device SET synced_at = $1, order_held = $2 WHERE id = $3",
			t.stamp(), s.OrderHeld[:], d.id); err != nil {
			return err
		}
		if err := settle(t); err != nil {
			return err
		}
		if report, err = t.report(d.id, s); err != nil {
			return err
		}
		if s.Attacks > 0 {
			if before, err = t.attacksBefore(d.id, 0); err != nil {
				return err
			}
		}
		return t.exec(`INSERT INTO state (identity, bytes, device, challenge, seen_at, difference,
			complete) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (identity) DO UPDATE SET difference = excluded.difference, complete =
			excluded.complete`,
			identity[:], state, d.id, opened, t.stamp(), int64(report.Difference), report.Complete)
	}})
	if err == nil && int(s.Attacks) > before && p.n.attacked != nil {
		p.n.attacked(s.Device, before, int(s.Attacks))
	}
	return report, err
}

// knowledge has the highest numbers of a device that were known when a Challenge was opened.
type knowledge struct{ atc, sequence, request int64 }

func (t *txn) knowledgeOf(device message.DeviceID) (now knowledge, err error) {
	_, err = t.queryRow(`SELECT
		(SELECT coalesce(max(seq), 0) FROM record WHERE device = $1),
		(SELECT coalesce(max(seq), 0) FROM instruction WHERE device = $2 AND outcome <> 0),
		(SELECT coalesce(max(request), 0) FROM payment WHERE payee = $3 AND requested)`,
		[]any{device, device, device}, &now.atc, &now.sequence, &now.request)
	return now, err
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
	clones, err := t.queryInt("SELECT count(*) FROM evidence WHERE device = $1 AND clone", id)
	if err != nil {
		return notary.StateReport{}, err
	}
	return notary.StateReport{HeldATC: d.heldATC, HeldHead: [32]byte(d.heldHead),
		Difference: d.difference(s.Balance, expected),
		Complete:   d.heldATC >= s.ATC, Applied: s.InstructionSequence, Cloned: clones > 0}, nil
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
	for _, part := range []struct {
		sign  money.Ore
		query string
		args  []any
	}{
		{1, "SELECT sum(amount) FROM payment WHERE payer = $1 AND signature = 0 AND atc > $2",
			[]any{d.id, s.ATC}},
		{-1, `SELECT sum(p.amount) FROM payee_answer v JOIN payment p ON p.identity = v.payment
			AND p.payee = v.payee WHERE v.payee = $1 AND v.seq > $2 AND (p.verdict IN (1, 2)
			OR p.verdict IN (3, 5) AND NOT EXISTS (SELECT 1 FROM payee_answer f
			WHERE f.payment = v.payment AND f.payee = v.payee AND f.seq < v.seq))`,
			[]any{d.id, s.ATC}},
		{-1, "SELECT sum(credit) FROM instruction WHERE device = $1 AND seq > $2 AND outcome <> $3",
			[]any{d.id, s.InstructionSequence, int(untaken)}},
	} {
		sum, err := t.queryInt(part.query, part.args...)
		if err != nil {
			return 0, err
		}
		if total, err = total.Add(part.sign * money.Ore(sum)); err != nil {
			return 0, fmt.Errorf("balance of %s: %w", d.id, err)
		}
	}
	return total - d.sums.unpaid + d.sums.accepted - d.sums.unanswered + d.sums.swept -
		d.sums.untaken, nil
}

// Outstanding implements notary.Participant.
func (p participant) Outstanding(
	ctx context.Context, id message.DeviceID,
) (o notary.Outstanding, err error) {
	err = p.n.view(ctx, func(t *txn) error {
		d, err := t.ownDevice(p.from, id)
		if err != nil {
			return err
		}
		o = notary.Outstanding{HeldATC: d.heldATC, HeldHead: [32]byte(d.heldHead), Status: d.status,
			Group: d.group}
		if d.status == notary.Reported {
			if o.HonouredUntil, err = p.n.honouredUntil(d); err != nil {
				return err
			}
		}
		last, err := t.last(id)
		if err != nil {
			return err
		}
		if last.isOutstanding() {
			o.Instruction, o.Order = last.encoded, last.order
		}
		o.NextSeq, o.AckedATC, o.LastGroup = last.next(), last.acked, last.group
		if err := t.outstandingCrisis(&o); err != nil {
			return err
		}
		if o.CAs, err = store.Column[[]byte](t.ctx, t.tx, `SELECT certificate FROM authority
			WHERE role = $1 ORDER BY reference`, int(spec.RoleIntermediary)); err != nil {
			return err
		}
		o.Handovers, err = t.handovers(id)
		return err
	})
	return o, err
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
		applied, err := t.queryInt(
			"SELECT max(seq) FROM instruction WHERE device = $1 AND outcome <> $2", id,
			int(outstanding))
		if err != nil {
			return err
		}
		at.Applied = uint32(applied)
		at.Accepted, err = t.expectedBalance(d,
			&message.State{ATC: d.heldATC, InstructionSequence: at.Applied})
		return err
	})
	return at, err
}

// handovers returns the Payments that wait for a device's decision.
func (t *txn) handovers(payee message.DeviceID) (all []notary.Handover, err error) {
	undecided, err := t.open(
		"p.payee = $1 AND w.payee IS NULL AND p.requested AND p.signature IN ($2, $3)", payee,
		int(recorded), int(conflicting))
	if err != nil {
		return nil, err
	}
	for _, p := range undecided {
		var h notary.Handover
		if _, err := t.queryRow("SELECT bytes FROM payment WHERE n = $1", []any{p.n},
			&h.Payment); err != nil {
			return nil, err
		}
		payer, err := t.registered(p.payer)
		if err != nil {
			return nil, err
		}
		h.PayerCertificate = payer.certificate
		if h.PayerCA, err = t.issuerOf(payer); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}
