package settlement

import (
	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/host/ledger"
	"ekrona/host/notary"
)

// settlePending moves all money that can move, after any event that may have changed that: a
// payment, a decision, a confirmed credit, an ended device, new funds. It repeats its steps until
// none moves anything; each step makes verdicts final or sets money aside, so it ends.
func (t *txn) settlePending() error {
	for moved := true; moved; {
		steps := []func() (bool, error){t.acceptForEnded, t.applyDecisions, t.settleQueue,
			t.coverEnded, t.reserve, t.sweep}
		open, err := t.queryInt("SELECT count(*) FROM payment WHERE verdict IN (1, 2)")
		if err != nil {
			return err
		}
		if open == 0 {
			steps = steps[len(steps)-1:]
		}
		moved = false
		for _, step := range steps {
			did, err := step()
			if err != nil {
				return err
			}
			moved = moved || did
		}
	}
	return nil
}

// open returns the payments without a final verdict that satisfy a condition.
func (t *txn) open(condition string, args ...any) ([]*payment, error) {
	return payments(t.ctx, t.tx, "p.verdict IN (1, 2) AND "+condition, args...)
}

// acceptForEnded accepts, for a payee whose device has ended, the first Payment of each Request
// that it had not refused.
func (t *txn) acceptForEnded() (bool, error) {
	undecided, err := t.open(`w.payee IS NULL AND p.requested AND p.signature = $1
		AND EXISTS (SELECT 1 FROM device d WHERE d.id = p.payee AND d.status =
		$2)`, int(recorded), int(notary.Ended))
	if err != nil {
		return false, err
	}
	for _, p := range undecided {
		if err := t.exec("INSERT INTO payee_decision (payee, request, payment, at) VALUES ($1, "+
			"$2, $3, $4) ON CONFLICT DO NOTHING",
			p.payee, p.request, p.identity, t.stamp()); err != nil {
			return false, err
		}
	}
	return len(undecided) > 0, nil
}

// applyDecisions carries out the payee's decision where it need not wait: a reserved payment
// settles or returns from what was set aside for it, and a refused one that no active shadow wallet
// is liable for moves nothing.
func (t *txn) applyDecisions() (moved bool, err error) {
	decided, err := t.open("(w.payee IS NOT NULL OR NOT p.requested)")
	if err != nil {
		return false, err
	}
	for _, p := range decided {
		did, err := t.applyDecision(p)
		if err != nil {
			return false, err
		}
		moved = moved || did
	}
	return moved, nil
}

func (t *txn) applyDecision(p *payment) (bool, error) {
	// its payer's wallet may turn out liable: a verdict now would be final, and the money lost
	if p.signatureStatus == unverified {
		return false, nil
	}
	payer, err := t.lookup(p.payer)
	if err != nil {
		return false, err
	}
	toDesk, err := t.queryInt("SELECT count(*) FROM device WHERE id = $1 AND role = $2", p.payee,
		int(spec.RoleDesk))
	if err != nil {
		return false, err
	}
	switch {
	case p.refused() && (!p.shadowed() || payer.status == notary.Ended),
		p.signatureStatus == unregisteredKey && toDesk > 0:
		return true, t.conclude(p, notary.Void, 0, 0, 0)
	case p.verdict == notary.Reserved:
		return true, t.settle([]*payment{p}, map[message.DeviceID]*device{p.payer: payer})
	}
	return false, nil
}

// settleQueue settles the largest set of waiting claims that leaves every shadow wallet
// non-negative, at once.
func (t *txn) settleQueue() (bool, error) {
	waiting, err := t.open(
		"(w.payee IS NOT NULL OR NOT p.requested) AND p.verdict = $1 AND p.signature IN ($2, $3)",
		int(notary.Waiting), int(recorded), int(conflicting))
	if err != nil || len(waiting) == 0 {
		return false, err
	}
	payers, available := map[message.DeviceID]*device{}, map[message.DeviceID]money.Ore{}
	byArrival, claims := map[int64]*payment{}, []claim(nil)
	for _, p := range waiting {
		if payers[p.payer] == nil {
			if payers[p.payer], err = t.registered(p.payer); err != nil {
				return false, err
			}
			if available[p.payer], err = t.available(payers[p.payer]); err != nil {
				return false, err
			}
		}
		c := claim{n: p.n, from: p.payer, amount: p.amount}
		if !p.refused() {
			payee, err := t.registered(p.payee)
			if err != nil {
				return false, err
			}
			if payee.role.CanPay() {
				c.to = p.payee
			}
		}
		claims, byArrival[p.n] = append(claims, c), p
	}
	var chosen []*payment
	for _, c := range netting(claims, available) {
		chosen = append(chosen, byArrival[c.n])
	}
	if len(chosen) == 0 {
		return false, nil
	}
	return true, t.settle(chosen, payers)
}

// settle carries out the payees' decisions on a set of payments in one ledger order: a ring settles
// only together.
func (t *txn) settle(set []*payment, payers map[message.DeviceID]*device) error {
	m := movement{key: "settle:" + set[0].key()}
	for _, p := range set {
		if p.refused() {
			t.toOwner(&m, p, payers[p.payer])
			continue
		}
		t.fromShadow(&m, p, payers[p.payer], p.amount)
		if err := t.toPayee(&m, p); err != nil {
			return err
		}
	}
	if err := t.move(m); err != nil {
		return err
	}
	for _, p := range set {
		verdict := notary.Settled
		if p.refused() {
			verdict = notary.Void
		}
		if err := t.conclude(p, verdict, p.amount, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

// coverEnded pays the waiting claims on devices that have ended, or that never were cards: from
// what their shadow wallet has left, their intermediary's holding, then the pool. A claim for which
// all three do not suffice, or that is more than an honest payee could have accepted, goes on
// waiting.
func (t *txn) coverEnded() (moved bool, err error) {
	claims, err := t.open(`w.payment = p.identity AND p.requested AND p.verdict = $1 AND
		(p.signature = $2
		OR p.signature IN ($3, $4) AND EXISTS (SELECT 1 FROM device d WHERE d.id = p.payer AND
		d.status = $5))`,
		int(notary.Waiting), int(unregisteredKey), int(recorded), int(conflicting),
		int(notary.Ended))
	if err != nil {
		return false, err
	}
	for _, p := range claims {
		did, err := t.cover(p)
		if err != nil {
			return false, err
		}
		moved = moved || did
	}
	return moved, nil
}

func (t *txn) cover(p *payment) (bool, error) {
	payer := &device{id: p.payer, intermediary: p.payer.Name()}
	var fromShadow money.Ore
	if p.shadowed() {
		var err error
		if payer, err = t.registered(p.payer); err != nil {
			return false, err
		}
		available, err := t.available(payer)
		if err != nil {
			return false, err
		}
		fromShadow = min(available, p.amount)
	}
	online, err := ledger.Balance(t.ctx, t.tx, onlineOf(payer.intermediary))
	if err != nil {
		return false, err
	}
	pool, err := ledger.Balance(t.ctx, t.tx, poolAccount)
	if err != nil {
		return false, err
	}
	fromHolding := min(online, p.amount-fromShadow)
	fromPool := p.amount - fromShadow - fromHolding
	if fromPool > pool {
		return false, nil
	}
	if within, err := t.withinCoverLimit(p, fromHolding+fromPool); err != nil || !within {
		return false, err
	}
	m := movement{key: "settle:" + p.key()}
	t.fromShadow(&m, p, payer, fromShadow)
	if fromHolding > 0 {
		m.line(onlineOf(payer.intermediary), -fromHolding)
		m.addStatementEntry(payer.intermediary,
			notary.Entry{Kind: notary.HoldingPaid, Device: p.payer, Owner: payer.owner,
				Online: -fromHolding, Payer: p.payer, ATC: p.atc, Payee: p.payee})
	}
	if fromPool > 0 {
		m.line(poolAccount, -fromPool)
	}
	if err := t.toPayee(&m, p); err != nil {
		return false, err
	}
	if err := t.move(m); err != nil {
		return false, err
	}
	if p.shadowed() {
		if err := t.exec("UPDATE device SET holding_debt = holding_debt + $1, pool_debt = "+
			"pool_debt + $2 WHERE id = $3",
			int64(fromHolding), int64(fromPool), p.payer); err != nil {
			return false, err
		}
	}
	verdict := notary.Uncovered
	if fromShadow == p.amount {
		verdict = notary.Settled
	}
	return true, t.conclude(p, verdict, fromShadow, fromHolding, fromPool)
}

// reserve sets money aside for payments that the payee has not decided on, oldest first.
func (t *txn) reserve() (moved bool, err error) {
	undecided, err := t.open(
		"w.payee IS NULL AND p.requested AND p.verdict = $1 AND p.signature = $2",
		int(notary.Waiting), int(recorded))
	if err != nil {
		return false, err
	}
	for _, p := range undecided {
		payer, err := t.registered(p.payer)
		if err != nil {
			return false, err
		}
		available, err := t.available(payer)
		if err != nil {
			return false, err
		}
		if available < p.amount {
			continue
		}
		if err := t.exec("UPDATE payment SET verdict = $1 WHERE n = $2", int(notary.Reserved),
			p.n); err != nil {
			return false, err
		}
		moved = true
	}
	return moved, nil
}
