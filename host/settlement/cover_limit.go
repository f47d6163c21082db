package settlement

import (
	"math"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/store"
)

// withinCoverLimit reports whether holding and pool may pay cover towards a claim. What they pay to
// one payee, between two of its acknowledgements, is at most what its limits let an honest device
// accept in that time (protocol §8.11). Without it, a thief of the keys of a payer and of a payee
// could pay himself any sum. A claim beyond the limit waits for an operator.
func (t *txn) withinCoverLimit(p *payment, cover money.Ore) (bool, error) {
	if cover == 0 {
		return true, nil
	}
	payee, err := t.registered(p.payee)
	if err != nil {
		return false, err
	}
	limit := t.terms.CoverLimit
	if payee.ceilings != nil {
		ceilings, err := message.ParsePolicy(payee.ceilings)
		if err != nil {
			return false, store.Failed(err)
		}
		limit = ceilings.MaxBalance * money.Ore(ceilings.MaxTransactions)
	}
	covered, err := t.coveredSoFar(p)
	return covered+cover <= limit, err
}

// coveredSoFar returns what holdings and pool have paid to the payee for acceptances between the
// same two acknowledgements as that of p. Those that the end of the device decided count as one
// such period.
func (t *txn) coveredSoFar(p *payment) (money.Ore, error) {
	seq, err := t.queryInt("SELECT v.seq FROM payee_decision w JOIN payee_answer v ON v.identity "+
		"= w.answer WHERE w.payment = $1", p.identity)
	if err != nil {
		return 0, err
	}
	if seq == 0 {
		covered, err := t.queryInt(`SELECT sum(p.from_holding + p.from_pool) FROM payment p JOIN
			payee_decision w ON w.payment = p.identity
			WHERE p.payee = $1 AND w.answer IS NULL`, p.payee)
		return money.Ore(covered), err
	}
	after, err := t.queryInt(
		"SELECT max(acked_atc) FROM instruction WHERE device = $1 AND acked_atc < $2", p.payee, seq)
	if err != nil {
		return 0, err
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
	sum, err := t.queryInt(`SELECT sum(p.from_holding + p.from_pool) FROM payment p JOIN
		payee_decision w ON w.payment = p.identity
		JOIN payee_answer v ON v.identity = w.answer WHERE p.payee = $1 AND v.seq > $2 AND v.seq <=
		$3`, p.payee, after, until)
	return money.Ore(sum), err
}
