package settlement

import (
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// settlePending moves all money that can move, after any event that may have changed that: a
// payment, a decision, a confirmed credit, an ended device, new funds. It repeats its steps until
// none moves anything; each step makes verdicts final or sets money aside, so it ends. It looks at
// what the transaction has touched: of the rest, transactions before have moved all that can move.
// Of a set that is too large to read it moves a part, and leaves the rest to NetLarge.
func (t *txn) settlePending() error {
	ofLarge := 0
	for moved := true; moved; {
		before := len(t.large)
		pending, wallets, err := t.pending()
		if err != nil {
			return err
		}
		if len(t.large) > before {
			ofLarge += len(pending)
		}
		if ofLarge > maxOfLarge {
			t.large = append(t.large, t.touched.and(nil)...)
			return nil
		}
		if moved, err = t.acceptForEnded(pending); err != nil {
			return err
		}
		if moved {
			continue // the others of its Requests are refused
		}
		for _, step := range []func([]*payment) (bool, error){
			t.applyDecisions, t.settleQueue, t.repayPool, t.coverWaiting, t.reserve,
			func([]*payment) (bool, error) { return t.sweep(t.touched.and(wallets)) },
		} {
			did, err := step(pending)
			if err != nil {
				return err
			}
			moved = moved || did
		}
	}
	return nil
}

// maxOfLarge is how many payments of sets too large to read one change looks at: money that reaches
// the head of a long chain would move through all of it.
const maxOfLarge = 4 * maxConnected

// settle is settlePending; tests compare it with a sweep over everything.
var settle = (*txn).settlePending

// open returns the payments that may move and satisfy a condition.
func (t *txn) open(condition string, args ...any) ([]*payment, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	all, err := payments(t.ctx, t.tx, mayMove+condition, args...)
	for i, p := range all {
		all[i] = t.work.adopt(p)
	}
	return all, err
}

// mayMove is the condition of payments of which the method of this name says so.
const mayMove = "p.verdict IN (1, 2) AND p.netting = 0 AND "

// openOf returns the payments to payees that may move and satisfy a condition.
func (t *txn) openOf(payees []message.DeviceID, condition string) (all []*payment, err error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	set := store.Set{Columns: deviceColumn}
	for _, id := range payees {
		set.Add(string(id))
	}
	err = t.find(&set, func(row store.Row) error {
		p, err := scanPayment(row)
		if err == nil {
			all = append(all, t.work.adopt(p))
		}
		return err
	}, paymentColumns+"WHERE "+mayMove+"p.payee = $1 AND "+condition+" ORDER BY p.n")
	return all, err
}

// acceptForEnded accepts, for a payee whose device has ended, the first Payment of each Request
// that it had not refused.
func (t *txn) acceptForEnded(pending []*payment) (moved bool, err error) {
	for _, p := range pending {
		if p.decided || !p.requested || p.signatureStatus != recorded {
			continue
		}
		if ended, err := t.hasEnded(p.payee); err != nil || !ended {
			if err != nil {
				return false, err
			}
			continue
		}
		if err := t.addDecision(requestKey{p.payee, p.request}, p.identity, nil); err != nil {
			return false, err
		}
		moved = true
	}
	return moved, nil
}

func (t *txn) hasEnded(id message.DeviceID) (bool, error) {
	d, err := t.lookup(id)
	return d != nil && d.status == notary.Ended, err
}

// applyDecisions carries out the payee's decision where it need not wait: a reserved payment
// settles or returns from what was set aside for it, and a refused one that no active shadow wallet
// is liable for moves nothing.
func (t *txn) applyDecisions(pending []*payment) (moved bool, err error) {
	for _, p := range pending {
		if !p.decided && p.requested {
			continue
		}
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
	payee, err := t.lookup(p.payee)
	if err != nil {
		return false, err
	}
	toDesk := payee != nil && payee.role == spec.RoleDesk
	switch {
	case p.refused() && (!p.shadowed() || payer.status == notary.Ended),
		p.signatureStatus == unregisteredKey && toDesk:
		return true, t.conclude(p, notary.Void, 0, 0, 0)
	case p.verdict == notary.Reserved:
		return true, t.settle([]*payment{p})
	}
	return false, nil
}

// settleQueue settles the largest set of waiting claims that leaves every shadow wallet
// non-negative, at once.
func (t *txn) settleQueue(pending []*payment) (bool, error) {
	byNumber, claims, available, err := t.claims(pending)
	if err != nil {
		return false, err
	}
	var chosen []*payment
	for _, c := range choose(claims, available) {
		chosen = append(chosen, byNumber[c.n])
	}
	if len(chosen) == 0 {
		return false, nil
	}
	return true, t.settle(chosen)
}

// choose is netting; tests leave rings to NetLarge.
var choose = netting

// claims returns the claims on wallets among payments that wait, and what each wallet can pay.
func (t *txn) claims(pending []*payment) (
	byNumber map[int64]*payment, claims []claim, available map[message.DeviceID]money.Ore,
	err error,
) {
	byNumber, available = map[int64]*payment{}, map[message.DeviceID]money.Ore{}
	for _, p := range pending {
		if !p.decided && p.requested || p.verdict != notary.Waiting || !p.shadowed() ||
			p.netting != free {
			continue
		}
		if _, known := available[p.payer]; !known {
			payer, err := t.registered(p.payer)
			if err != nil {
				return nil, nil, nil, err
			}
			if available[p.payer], err = t.available(payer); err != nil {
				return nil, nil, nil, err
			}
		}
		c := claim{n: p.n, from: p.payer, amount: p.amount}
		if !p.refused() {
			payee, err := t.registered(p.payee)
			if err != nil {
				return nil, nil, nil, err
			}
			if payee.role.CanPay() {
				c.to = p.payee
			}
		}
		claims, byNumber[p.n] = append(claims, c), p
	}
	return byNumber, claims, available, nil
}

// settle carries out the payees' decisions on a set of payments in one ledger order: a ring settles
// only together.
func (t *txn) settle(set []*payment) error {
	m := movement{key: "settle:" + set[0].key()}
	var requests []requestKey
	for _, p := range set {
		requests = append(requests, p.about())
	}
	if err := t.loadRequests(requests...); err != nil { // conclude asks for each
		return err
	}
	for _, p := range set {
		payer, err := t.registered(p.payer)
		if err != nil {
			return err
		}
		if p.refused() {
			t.toOwner(&m, p, payer)
			continue
		}
		t.fromShadow(&m, p, payer, p.amount)
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

// coverWaiting pays the waiting claims on devices that have ended, or that never were cards: from
// what their shadow wallet has left, their intermediary's holding, then the pool. A claim for which
// all three do not suffice, or that is more than an honest payee could have accepted, goes on
// waiting. For claims on cards in use the pool lends, where the terms say so.
func (t *txn) coverWaiting(pending []*payment) (moved bool, err error) {
	if pending, err = t.andAwaitingCover(pending); err != nil {
		return false, err
	}
	for _, p := range pending {
		lent, err := t.lendFor(p)
		if err != nil {
			return false, err
		}
		if moved = moved || lent; lent {
			continue
		}
		if due, err := t.needsCover(p); err != nil || !due {
			if err != nil {
				return false, err
			}
			continue
		}
		did, err := t.cover(p)
		if err != nil {
			return false, err
		}
		if !did && !p.awaitsCover {
			if err := t.changePayment(p, func(p *payment) { p.awaitsCover = true }); err != nil {
				return false, err
			}
		}
		moved = moved || did
	}
	return moved, nil
}

// needsCover reports whether others than its payer's wallet may have to pay an accepted claim.
func (t *txn) needsCover(p *payment) (bool, error) {
	switch {
	case !p.accepted || !p.requested || p.verdict != notary.Waiting:
		return false, nil
	case p.shadowed():
		return t.hasEnded(p.payer)
	}
	return p.signatureStatus == unregisteredKey, nil
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
	online, err := t.book.Balance(t.ctx, onlineOf(payer.intermediary))
	if err != nil {
		return false, err
	}
	pool, err := t.book.Balance(t.ctx, poolAccount)
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
		if err := t.update(p.payer, func(d *device) {
			d.holdingDebt, d.poolDebt = d.holdingDebt+fromHolding, d.poolDebt+fromPool
		}); err != nil {
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
func (t *txn) reserve(pending []*payment) (moved bool, err error) {
	for _, p := range pending {
		if p.decided || !p.requested || p.verdict != notary.Waiting ||
			p.signatureStatus != recorded {
			continue
		}
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
		if err := t.changePayment(p, func(p *payment) {
			p.verdict = notary.Reserved
		}); err != nil {
			return false, err
		}
		if err := t.update(p.payer, func(d *device) { d.sums.reserved += p.amount }); err != nil {
			return false, err
		}
		t.touched.device(p.payer) // a claim less on it
		moved = true
	}
	return moved, nil
}
