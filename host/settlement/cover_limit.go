package settlement

import (
	"math"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

// withinCoverLimit reports whether holding and pool may pay cover towards a claim. What they pay to
// one payee, between two of its acknowledgements, is at most what the policy in force then lets an
// honest device accept in that time (protocol §8.11). Without it, a thief of the keys of a payer
// and of a payee could pay himself any sum. A claim beyond the limit waits for an operator.
func (t *txn) withinCoverLimit(p *payment, cover money.Ore) (bool, error) {
	if cover == 0 {
		return true, nil
	}
	payee, err := t.registered(p.payee)
	if err != nil {
		return false, err
	}
	seq, err := t.queryInt(`SELECT v.seq FROM payee_decision w JOIN payee_answer v
		ON v.payee = w.payee AND v.request = w.request AND v.identity = w.answer
		WHERE w.payee = $1 AND w.request = $2 AND w.payment = $3`, p.payee, p.request, p.identity)
	if err != nil {
		return false, err
	}
	until := seq
	if seq == 0 {
		until = math.MaxInt64
	}
	after, err := t.acknowledgedBefore(p.payee, until)
	if err != nil {
		return false, err
	}
	told, err := t.toldBefore(p, until)
	if err != nil {
		return false, err
	}
	rows, err := t.crisisFor(payee, after, until, told)
	if err != nil {
		return false, err
	}
	limit := t.terminalCoverLimit(rows)
	if payee.ceilings != nil {
		limit, err = t.coverLimit(payee, after, told, rows)
	}
	if err != nil {
		return false, err
	}
	covered, err := t.coveredSoFar(p, after, seq)
	return covered+cover <= limit, err
}

// acknowledgedBefore returns the last record before its record seq that an Instruction of the
// device has acknowledged, 0 for none.
func (t *txn) acknowledgedBefore(id message.DeviceID, seq int64) (int64, error) {
	return t.queryInt(
		"SELECT max(acked_atc) FROM instruction WHERE device = $1 AND acked_atc < $2", id, seq)
}

// toldBefore returns the last Instruction of which is known that the payee took it before it asked
// for a payment, which it accepted with its record seq. A Request that is open in a State was made
// before, and after the State before the first one that shows it. One that no State shows was made
// after the last Instruction that an acknowledgement before it knows of.
func (t *txn) toldBefore(p *payment, seq int64) (instruction int64, err error) {
	if err := t.readRequest(p); err != nil {
		return 0, err
	}
	isAsked := func(o message.OpenRequest) bool { return o.Request == p.asked }
	shown := false
	for before := int64(math.MaxInt64); ; {
		var raw []byte
		found, err := t.queryRow("SELECT challenge, bytes FROM state WHERE device = $1 AND "+
			"challenge < $2 ORDER BY challenge DESC LIMIT 1", []any{p.payee, before}, &before, &raw)
		if err != nil {
			return 0, err
		}
		s := &message.State{}
		if found {
			if s, err = message.Parse[message.State](raw); err != nil {
				return 0, store.Failed(err)
			}
		}
		switch {
		case int64(s.ATC) >= seq: // it has accepted by then
		case slices.ContainsFunc(s.OpenRequests, isAsked):
			shown = true
		case shown:
			return int64(s.InstructionSequence), nil
		default:
			return math.MaxInt64, nil
		}
	}
}

// coverLimit returns what an honest card could accept between the acknowledgement of its record
// after and the next one. It follows the policies that were in force between the two, and those
// before them that it was told after the last Instruction of which is known that it took it before
// it asked, and the rows of crisis orders that the card can have had: the highest counts.
func (t *txn) coverLimit(
	payee *device, after, told int64, rows []message.CrisisRow,
) (money.Ore, error) {
	ceilings, err := message.ParsePolicy(payee.ceilings)
	if err != nil {
		return 0, store.Failed(err)
	}
	current := message.DefaultPolicy().Under(ceilings)
	most := func(p message.Policy) money.Ore {
		highest := mostHelp(p)
		for _, row := range rows {
			highest = max(highest, mostHelp(row.Raise(p, ceilings)))
		}
		return highest
	}
	limit := most(current)
	err = store.Each(t.ctx, t.tx, func(row store.Row) error {
		var acked, seq int64
		var raw []byte
		if err := row.Scan(&acked, &raw, &seq); err != nil {
			return err
		}
		policy, err := message.ParsePolicy(raw)
		if err != nil {
			return store.Failed(err)
		}
		if policy.Version > current.Version { // as the card takes it
			current = policy
		}
		if acked < after && seq <= told {
			limit = most(current)
		} else {
			limit = max(limit, most(current))
		}
		return nil
	}, `SELECT acked_atc, policy, seq FROM instruction WHERE device = $1 AND acked_atc <= $2
		ORDER BY seq`, payee.id, after)
	return limit, err
}

// terminalCoverLimit is coverLimit of a terminal or desk.
func (t *txn) terminalCoverLimit(rows []message.CrisisRow) money.Ore {
	limit := t.terms.CoverLimit
	for _, row := range rows {
		limit = max(limit, row.MaxReceived)
	}
	return limit
}

// coveredSoFar returns what holdings and pool have paid to the payee for acceptances between the
// same two acknowledgements as its record seq, which accepted p: the first is of its record after.
// Those that the end of the device decided, with seq 0, count as one such period.
func (t *txn) coveredSoFar(p *payment, after, seq int64) (money.Ore, error) {
	if seq == 0 {
		covered, err := t.queryInt(`SELECT sum(p.from_holding + p.from_pool + p.lent)
			FROM payment p JOIN payee_decision w ON w.payee = p.payee AND w.request = p.request
			AND w.payment = p.identity WHERE p.payee = $1 AND w.answer IS NULL`, p.payee)
		return money.Ore(covered), err
	}
	until, err := t.queryInt(
		"SELECT min(acked_atc) FROM instruction WHERE device = $1 AND acked_atc >= $2", p.payee,
		seq)
	if err != nil {
		return 0, err
	}
	if until == 0 { // nothing later is acknowledged
		until = math.MaxUint32
	}
	sum, err := t.queryInt(`SELECT sum(p.from_holding + p.from_pool + p.lent) FROM payment p
		JOIN payee_decision w ON w.payee = p.payee AND w.request = p.request
		AND w.payment = p.identity JOIN payee_answer v
		ON v.payee = w.payee AND v.request = w.request AND v.identity = w.answer
		WHERE p.payee = $1 AND v.seq > $2 AND v.seq <= $3`, p.payee, after, until)
	return money.Ore(sum), err
}
