package settlement

import (
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// lending is the sum of what the pool has lent, as a transaction knows it.
type lending struct {
	sum, cap      money.Ore
	read, changed bool
}

// maxAwaitingPool bounds how many claims that the pool had no room for are looked at again when it
// gets some: the oldest. The others wait for the next time.
const maxAwaitingPool = 100

// lendsAhead reports whether the pool pays claims ahead.
func (t *txn) lendsAhead() bool { return t.terms.PoolAhead.Cap > 0 }

// lendFor has the pool lend a payer's wallet what an accepted claim on it lacks, and settles the
// claim. The payer's card has not synchronised, and neither have those that paid it: what comes
// into its wallet repays the pool first (repayPool). A claim that the cap, the card's share of it
// or the payee's cover limit leave no room for goes on waiting.
func (t *txn) lendFor(p *payment) (bool, error) {
	if due, err := t.mayLendFor(p); err != nil || !due {
		return false, err
	}
	payer, err := t.registered(p.payer)
	if err != nil {
		return false, err
	}
	available, err := t.available(payer)
	if err != nil {
		return false, err
	}
	lacks := p.amount - available
	if lacks <= 0 || payer.lent+lacks > t.terms.PoolAhead.MostForACard() {
		return false, nil
	}
	if within, err := t.withinCoverLimit(p, lacks); err != nil || !within {
		if err != nil || p.awaitsCover {
			return false, err
		}
		return false, t.changePayment(p, func(p *payment) { p.awaitsCover = true })
	}
	pool, err := t.book.Balance(t.ctx, poolAccount)
	if err != nil {
		return false, err
	}
	all, err := t.lending()
	if err != nil {
		return false, err
	}
	payee, err := t.registered(p.payee)
	if err != nil {
		return false, err
	}
	repaid := min(payee.lent, p.amount) // at once
	if lacks > pool || all.sum+lacks-repaid > t.terms.PoolAhead.Cap {
		if p.awaitsPool {
			return false, nil
		}
		return false, t.changePayment(p, func(p *payment) { p.awaitsPool = true })
	}
	return true, t.lend(p, payer, lacks)
}

// mayLendFor reports whether a claim is one for which the pool lends: its payer's card is in use
// and has signed it as its record, and its payee is not the unload desk, whose customer stands
// there.
func (t *txn) mayLendFor(p *payment) (bool, error) {
	if !t.lendsAhead() || !p.accepted || !p.requested || p.verdict != notary.Waiting ||
		p.signatureStatus != recorded {
		return false, nil
	}
	payer, err := t.registered(p.payer)
	if err != nil || payer.status != notary.Active {
		return false, err
	}
	payee, err := t.registered(p.payee)
	return err == nil && payee.role != spec.RoleDesk, err
}

// lend moves the loan and settles the claim. What the payee has been lent is repaid by it: one loan
// goes up a chain, whose last card synchronises first.
func (t *txn) lend(p *payment, payer *device, amount money.Ore) error {
	m := movement{key: "lend:" + p.key()}
	m.line(poolAccount, -amount)
	m.line(shadowOf(p.payer), amount)
	m.addStatementEntry(payer.intermediary,
		notary.Entry{Kind: notary.PoolLent, Device: p.payer, Owner: payer.owner, Shadow: amount,
			Payer: p.payer, ATC: p.atc, Payee: p.payee})
	if err := t.move(m); err != nil {
		return err
	}
	if err := t.changeLent(payer, amount); err != nil {
		return err
	}
	if err := t.changePayment(p, func(p *payment) { p.lent = amount }); err != nil {
		return err
	}
	if err := t.settle([]*payment{p}); err != nil {
		return err
	}
	payee, err := t.registered(p.payee)
	if err != nil || payee.lent == 0 {
		return err
	}
	_, err = t.repayFor(payee)
	return err
}

// repayPool repays the pool from what has come into wallets that it lent to, before anything else
// is done with it. Where a device has ended, its intermediary's holding repays what is left, as it
// pays the claims on it; what the holding has not is a debt to the pool.
func (t *txn) repayPool([]*payment) (moved bool, err error) {
	ids := t.touched.and(nil)
	if t.touched.everything {
		if ids, err = t.borrowers(); err != nil {
			return false, err
		}
	}
	for _, id := range ids {
		d, err := t.lookup(id)
		if err != nil {
			return false, err
		}
		if d == nil || d.lent == 0 {
			continue
		}
		did, err := t.repayFor(d)
		if err != nil {
			return false, err
		}
		moved = moved || did
	}
	return moved, nil
}

// borrowers returns the devices that the pool has lent to.
func (t *txn) borrowers() ([]message.DeviceID, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	return store.Column[message.DeviceID](t.ctx, t.tx,
		"SELECT id FROM device WHERE lent > 0 ORDER BY id")
}

func (t *txn) repayFor(d *device) (bool, error) {
	if d.status == notary.Ended {
		return true, t.holdingRepays(d)
	}
	available, err := t.available(d)
	if err != nil {
		return false, err
	}
	amount := min(available, d.lent)
	if amount <= 0 {
		return false, nil
	}
	m := t.repayment(d)
	m.line(shadowOf(d.id), -amount)
	m.line(poolAccount, amount)
	m.addStatementEntry(d.intermediary,
		notary.Entry{Kind: notary.PoolReturned, Device: d.id, Owner: d.owner, Shadow: -amount})
	if err := t.move(m); err != nil {
		return false, err
	}
	return true, t.changeLent(d, -amount)
}

// holdingRepays ends the loan of a device that has ended.
func (t *txn) holdingRepays(d *device) error {
	online, err := t.book.Balance(t.ctx, onlineOf(d.intermediary))
	if err != nil {
		return err
	}
	lent := d.lent
	fromHolding := min(online, lent)
	if fromHolding > 0 {
		m := t.repayment(d)
		m.line(onlineOf(d.intermediary), -fromHolding)
		m.line(poolAccount, fromHolding)
		m.addStatementEntry(d.intermediary, notary.Entry{Kind: notary.HoldingPaid, Device: d.id,
			Owner: d.owner, Online: -fromHolding})
		if err := t.move(m); err != nil {
			return err
		}
	}
	if err := t.changeLent(d, -lent); err != nil {
		return err
	}
	return t.update(d.id, func(d *device) {
		d.holdingDebt, d.poolDebt = d.holdingDebt+fromHolding, d.poolDebt+lent-fromHolding
	})
}

// repayment returns a movement of the next repayment of a device's loan.
func (t *txn) repayment(d *device) movement {
	return movement{key: fmt.Sprintf("repay:%s:%d", d.id, d.repayments+1)}
}

// changeLent changes what a device has been lent, and the sum.
func (t *txn) changeLent(d *device, amount money.Ore) error {
	all, err := t.lending()
	if err != nil {
		return err
	}
	if all.sum += amount; amount > 0 {
		all.cap = t.terms.PoolAhead.Cap
	}
	all.changed = true
	return t.update(d.id, func(d *device) {
		if d.lent == 0 {
			d.lentSince = t.stamp()
		}
		if d.lent += amount; amount < 0 {
			d.repayments++
		}
		if d.lent == 0 {
			d.lentSince = ""
		}
	})
}

// takeCap takes the cap of the terms for the sum of all loans. Where it is another than before, all
// open claims are looked at once: those that waited while there was none are found by nothing else.
func (t *txn) takeCap() error {
	all, err := t.lending()
	if err != nil {
		return err
	}
	if limit := max(t.terms.PoolAhead.Cap, all.sum); limit != all.cap {
		all.cap, all.changed = limit, true
		t.work.change()
		t.touched.everything = true
	}
	return nil
}

// lending reads what the pool has lent.
func (t *txn) lending() (*lending, error) {
	l := &t.work.lending
	if l.read {
		return l, nil
	}
	err := store.Must(t.ctx, t.tx, store.Into{&l.sum, &l.cap}, "SELECT lent, cap FROM pool_ahead")
	l.read = err == nil
	return l, err
}

// writeLending writes what the pool has lent, if that has changed.
func (t *txn) writeLending() error {
	l := &t.work.lending
	if !l.changed {
		return nil
	}
	l.changed = false
	return store.Exec(t.ctx, t.tx, "UPDATE pool_ahead SET lent = $1, cap = $2", int64(l.sum),
		int64(l.cap))
}
