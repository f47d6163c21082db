package settlement

import (
	"context"
	"encoding/hex"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// signatureStatus says whose key signed a Payment, and so which wallets may pay it.
type signatureStatus int

const (
	// signed by the payer's registered key, the first body with its atc: its record
	recorded signatureStatus = iota
	// signed by the payer's registered key, another body of the same atc: proof of a clone
	conflicting
	// signed by a key that a CA certified and nobody registered: it has no shadow wallet
	unregisteredKey
	// accepted by a payee, and not signed by a known key: a certificate may still arrive
	unverified
)

// payment is a row of the table, with the payee's decision as far as it is known.
type payment struct {
	n               int64
	identity        []byte
	payer           message.DeviceID
	atc             uint32
	payee           message.DeviceID
	request         uint32
	amount          money.Ore
	requested       bool
	signatureStatus signatureStatus
	verdict         notary.Verdict
	decided         bool // the payee's decision on the Request is known
	accepted        bool // and it is this Payment
	awaitsCover     bool // it could not be covered when that was tried last
	awaitsPool      bool // the pool had no room for it
	netting         half // how far the netting under way has come with it

	fromShadow, fromHolding, fromPool money.Ore // what a final verdict moved
	lent                              money.Ore // by the pool, for it: part of fromShadow

	// of a payment that is not written yet
	isNew           bool
	raw             []byte
	asked           message.Hash // identity of its Request
	seenAt, finalAt string
}

// refused reports whether the money must not go to the payee: refused, another Payment accepted, or
// never requested.
func (p *payment) refused() bool { return !p.requested || p.decided && !p.accepted }

// shadowed reports whether the payer's shadow wallet is liable for the payment.
func (p *payment) shadowed() bool {
	return p.signatureStatus == recorded || p.signatureStatus == conflicting
}

// about returns the Request that it pays.
func (p *payment) about() requestKey { return requestKey{p.payee, p.request} }

func (p *payment) key() string { return hex.EncodeToString(p.identity) }

func (p *payment) status() *notary.PaymentStatus {
	return &notary.PaymentStatus{Payer: p.payer, ATC: p.atc, Payee: p.payee, Request: p.request,
		Amount:   p.amount,
		Identity: [32]byte(p.identity), Verdict: p.verdict, Accepted: p.accepted}
}

const paymentColumns = `SELECT p.n, p.identity, p.payer, p.atc, p.payee, p.request, p.amount,
	p.requested, p.signature, p.verdict,
	w.payee IS NOT NULL, w.payment IS NOT NULL AND w.payment = p.identity, p.awaits_cover,
	p.from_shadow, p.from_holding, p.from_pool, p.lent, p.awaits_pool, p.netting
	FROM payment p LEFT JOIN payee_decision w ON w.payee = p.payee AND w.request = p.request `

// recordedPayment finds the Payment that is a record of its payer $1, by its number $2.
const recordedPayment = "p.payer = $1 AND p.atc = $2 AND p.signature = 0"

// payments reads the payments that fit the condition, in order of arrival.
func payments(
	ctx context.Context, q store.Queryer, condition string, args ...any,
) (all []*payment, err error) {
	return store.All(ctx, q, scanPayment, paymentColumns+"WHERE "+condition+" ORDER BY p.n",
		args...)
}

func scanPayment(row store.Row) (*payment, error) {
	p := &payment{}
	return p, row.Scan(&p.n, &p.identity, &p.payer, &p.atc, &p.payee, &p.request, &p.amount,
		&p.requested, &p.signatureStatus, &p.verdict, &p.decided, &p.accepted, &p.awaitsCover,
		&p.fromShadow, &p.fromHolding, &p.fromPool, &p.lent, &p.awaitsPool, &p.netting)
}

// conclude makes a verdict final, with what it moved, by source.
func (t *txn) conclude(p *payment, v notary.Verdict, shadow, holding, pool money.Ore) error {
	wasReserved := p.verdict == notary.Reserved
	if err := t.changePayment(p, func(p *payment) {
		p.verdict, p.fromShadow, p.fromHolding, p.fromPool = v, shadow, holding, pool
		p.finalAt = t.stamp()
	}); err != nil {
		return err
	}
	t.touched.device(p.payer) // a claim less on it
	if err := t.update(p.payer, func(d *device) {
		if wasReserved {
			d.sums.reserved -= p.amount
		}
		if p.shadowed() {
			d.sums.unpaid -= shadow
		}
	}); err != nil {
		return err
	}
	return t.countPaid(p, v)
}

// countPaid counts, in its payee's sums, a payment that was paid to it or is void.
func (t *txn) countPaid(p *payment, v notary.Verdict) error {
	accepting, err := t.accepting(p)
	if err != nil {
		return err
	}
	return t.update(p.payee, func(d *device) {
		d.sums.accepted -= p.amount * money.Ore(accepting)
		if v == notary.Void {
			return
		}
		d.sums.collected += p.amount
		if accepting == 0 {
			d.sums.unanswered += p.amount
		}
	})
}

// toPayee adds the receiving side of a payment to the movement: a card's shadow wallet, a
// terminal's owner, or, at the unload desk, the payer's owner.
func (t *txn) toPayee(m *movement, p *payment) error {
	payee, err := t.registered(p.payee)
	if err != nil {
		return err
	}
	entry := notary.Entry{Device: p.payee, Owner: payee.owner, Payer: p.payer, ATC: p.atc,
		Payee: p.payee}
	switch {
	case payee.role.CanPay():
		m.line(shadowOf(p.payee), p.amount)
		entry.Kind, entry.Shadow = notary.Received, p.amount
	case payee.role == spec.RoleDesk:
		payer, err := t.registered(p.payer)
		if err != nil {
			return err
		}
		m.give(onlineOf(payer.intermediary), p.amount)
		entry.Kind, entry.Online, entry.Device, entry.Owner = notary.Unloaded, p.amount, payer.id,
			payer.owner
	default:
		m.give(onlineOf(payee.intermediary), p.amount)
		entry.Kind, entry.Online = notary.Collected, p.amount
	}
	m.addStatementEntry(payee.intermediary, entry)
	return nil
}

// fromShadow adds the paying side of a payment, as far as the payer's shadow wallet pays it.
func (t *txn) fromShadow(m *movement, p *payment, payer *device, amount money.Ore) {
	if amount == 0 {
		return
	}
	m.line(shadowOf(p.payer), -amount)
	m.addStatementEntry(payer.intermediary,
		notary.Entry{Kind: notary.Paid, Device: p.payer, Owner: payer.owner, Shadow: -amount,
			Payer: p.payer, ATC: p.atc, Payee: p.payee})
}

// toOwner adds to the movement that a payment returns to the payer's owner.
func (t *txn) toOwner(m *movement, p *payment, payer *device) {
	m.line(shadowOf(p.payer), -p.amount)
	m.give(onlineOf(payer.intermediary), p.amount)
	m.addStatementEntry(payer.intermediary,
		notary.Entry{Kind: notary.Returned, Device: p.payer, Owner: payer.owner, Online: p.amount,
			Shadow: -p.amount,
			Payer:  p.payer, ATC: p.atc, Payee: p.payee})
}
