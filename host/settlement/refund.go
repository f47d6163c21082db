package settlement

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
)

// Refund implements notary.Participant.
func (p participant) Refund(ctx context.Context, r notary.Refund) error {
	if err := checkOrder(r.Order); err != nil {
		return err
	}
	if err := checkTexts(r.Payee, r.Payer); err != nil {
		return err
	}
	if r.Amount <= 0 {
		return notary.Refuse(notary.Malformed,
			"refund %q of %s: a refund is above zero", r.Order, r.Amount)
	}
	var refused *notary.Error
	err := p.n.change(ctx, func(t *txn) error {
		if err := t.joined(p.from); err != nil {
			return err
		}
		var known bool
		var err error
		if known, refused, err = t.refundAnswered(p.from, r); err != nil || known {
			return err
		}
		if err = t.refund(p.from, r); err != nil && !errors.As(err, &refused) {
			return err
		}
		return t.keepRefund(p.from, r, refused)
	})
	if err == nil && refused != nil {
		return refused
	}
	return err
}

// refundAnswered returns the answer that this order received before.
func (t *txn) refundAnswered(
	from message.Name, r notary.Refund,
) (known bool, refused *notary.Error, err error) {
	held, why := notary.Refund{Order: r.Order}, &notary.Error{}
	known, err = t.queryRow("SELECT payee, payer, atc, amount, refusal, reason FROM refund WHERE "+
		"intermediary = $1 AND order_key = $2", []any{from, r.Order},
		&held.Payee, &held.Payer, &held.ATC, &held.Amount, &why.Kind, &why.What)
	switch {
	case err != nil || !known:
		return false, nil, err
	case held != r:
		return true, nil, notary.Refuse(notary.Taken,
			"order key %q was used for another refund; choose a new key", r.Order)
	case why.Kind != 0:
		return true, why, nil
	}
	return true, nil, nil
}

func (t *txn) keepRefund(from message.Name, r notary.Refund, refused *notary.Error) error {
	answer := notary.Error{}
	if refused != nil {
		answer = *refused
	}
	return t.exec(`INSERT INTO refund (intermediary, order_key, payee, payer, atc, amount, refusal,
		reason, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
		$9)`, from, r.Order, r.Payee, r.Payer, r.ATC, int64(r.Amount), int(answer.Kind),
		answer.What, t.stamp())
}

// refund checks everything and then moves the money; a refusal changes nothing.
func (t *txn) refund(from message.Name, r notary.Refund) error {
	terminal, err := t.ownDevice(from, r.Payee)
	if err != nil {
		return err
	}
	if terminal.role != spec.RoleTerminal && terminal.role != spec.RoleSAM {
		return notary.Refuse(notary.NotTerminal, "%s is a %s; only a terminal is refunded for by "+
			"order, its owner pays back with a payment", terminal.id, terminal.role)
	}
	if err := t.refundable(r); err != nil {
		return err
	}
	holding, err := t.book.Balance(t.ctx, onlineOf(from))
	if err != nil {
		return err
	}
	if holding < r.Amount {
		return notary.Refuse(notary.Funds, "the online holding of %s is %s, it does not cover a "+
			"refund of %s; have more issued, then order again", from, holding, r.Amount)
	}
	payer, err := t.registered(r.Payer)
	if err != nil {
		return err
	}
	m := movement{key: fmt.Sprintf("refund:%s:%s", from, r.Order)}
	paid := notary.Entry{Kind: notary.RefundPaid, Device: terminal.id, Owner: terminal.owner,
		Online: -r.Amount, Payer: r.Payer, ATC: r.ATC, Payee: r.Payee, Order: r.Order}
	received := notary.Entry{Kind: notary.RefundReceived, Device: payer.id, Owner: payer.owner,
		Payer: r.Payer, ATC: r.ATC, Payee: r.Payee, Order: r.Order}
	m.line(onlineOf(from), -r.Amount)
	if payer.status == notary.Ended {
		m.line(shadowOf(payer.id), r.Amount)
		received.Shadow = r.Amount
	} else {
		m.line(onlineOf(payer.intermediary), r.Amount)
		received.Online = r.Amount
	}
	m.addStatementEntry(from, paid)
	m.addStatementEntry(payer.intermediary, received)
	return t.move(m)
}

// refundable checks that the Payment was settled to this terminal and that enough of it has not
// been refunded.
func (t *txn) refundable(r notary.Refund) error {
	if err := t.flush(); err != nil {
		return err
	}
	held, err := payments(t.ctx, t.tx, recordedPayment, r.Payer, r.ATC)
	switch {
	case err != nil:
		return err
	case len(held) == 0:
		return notary.Refuse(notary.Unsettled,
			"Payment %s/%d is not known; synchronise the terminal, then order the refund again",
			r.Payer, r.ATC)
	case held[0].payee != r.Payee:
		return notary.Refuse(notary.NotYours,
			"Payment %s/%d was made to %s, not to %s; its own payee refunds it", r.Payer, r.ATC,
			held[0].payee, r.Payee)
	case held[0].verdict == notary.Void:
		return notary.Refuse(notary.Unsettled,
			"Payment %s/%d is void: its money has gone back already, there is nothing to refund",
			r.Payer, r.ATC)
	case held[0].verdict == notary.Uncovered:
		return notary.Refuse(notary.Unsettled, "Payment %s/%d was not covered by its payer's "+
			"wallet; ask the payer's intermediary to whom the money is due", r.Payer, r.ATC)
	case held[0].verdict != notary.Settled:
		return notary.Refuse(notary.Unsettled,
			"Payment %s/%d is %s; order the refund again when it is settled", r.Payer, r.ATC,
			held[0].verdict)
	}
	before, err := t.queryInt(
		"SELECT sum(amount) FROM refund WHERE payer = $1 AND atc = $2 AND refusal = 0", r.Payer,
		r.ATC)
	if left := held[0].amount - money.Ore(before); err == nil && r.Amount > left {
		return notary.Refuse(notary.Exceeds,
			"Payment %s/%d paid %s, of which %s is not refunded; refund at most that", r.Payer,
			r.ATC, held[0].amount, left)
	}
	return err
}
