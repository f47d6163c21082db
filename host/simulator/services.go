package simulator

import (
	"bytes"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/order"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
)

// paidSale is what a merchant keeps of a sale, for a later refund.
type paidSale struct {
	of     order.Payment
	amount money.Ore
}

// keepSale keeps a paid sale at the merchant.
func (w *world) keepSale(t *merchantTerminal, receipt envelope.Envelope, number uint32) {
	r, err := message.Parse[message.Receipt](receipt.Message)
	if err != nil {
		return
	}
	if paid, err := t.Paid(w.ctx, number); err == nil && paid.Payer == r.Payer {
		t.sales = append(t.sales, paidSale{order.Payment{Payer: paid.Payer, ATC: paid.ATC},
			paid.Request.Amount})
	}
}

// refund has the merchant refund a sale, whole, in part or more than that, or repeats an order.
func (w *world) refund(t *merchantTerminal, s Step) error {
	if s.Pick%3 == 0 && len(t.refunds) > 0 {
		return w.placeRefund(t, s.Pick/3%len(t.refunds))
	}
	if len(t.sales) == 0 {
		return errors.New("nothing was sold yet")
	}
	sale := t.sales[s.Pick/3%len(t.sales)]
	amount := sale.amount
	if s.Pick%4 > 1 {
		amount = min(s.Amount, amount+money.Krona)
	}
	o, err := order.NewRefund(t.ID(), sale.of, max(1, amount), w.random.of(t.merchant), t.app)
	if err != nil {
		return err
	}
	t.refunds = append(t.refunds, o)
	return w.placeRefund(t, len(t.refunds)-1)
}

// placeRefund sends an order, which the merchant drops when it has its final answer.
func (w *world) placeRefund(t *merchantTerminal, which int) error {
	o := t.refunds[which]
	err := callOnly(w, func() error { return t.bank.PlaceRefund(w.ctx, o) })
	var refused *order.Refused
	if err == nil || errors.As(err, &refused) {
		t.refunds = append(t.refunds[:which:which], t.refunds[which+1:]...)
	}
	return err
}

// mustRefund has every refund order answered now that the faults have stopped.
func (w *world) mustRefund() *Failure {
	for _, t := range w.terminals {
		for len(t.refunds) > 0 {
			before := len(t.refunds)
			if err := w.placeRefund(t, 0); len(t.refunds) == before {
				return failed(agreementNumber, "a refund has no answer",
					fmt.Sprintf("the %s's refund has no answer: %v", t.merchant, err))
			}
		}
	}
	return nil
}

// renew gives a card, or now and then a terminal, a later certificate.
func (w *world) renew(p *person, t *merchantTerminal, s Step) error {
	if s.Pick%4 == 0 {
		return w.renewTerminal(t)
	}
	renewed, err := w.issuer(p.bank).Renew(w.ctx, p.device.ID)
	if err != nil {
		return err
	}
	err = w.withTap(p, s,
		func(tap wallet.Tap) error { return p.phone.Renew(w.ctx, tap, renewed.Certificate) })
	if err != nil {
		return err
	}
	client, _, err := w.askState(p, s.Pick)
	if err != nil {
		return err
	}
	stored, err := client.Certificate(w.ctx)
	w.checkAnswer(p, err == nil && bytes.Equal(stored, renewed.Certificate),
		"a certificate for renewed that its card does not have")
	return err
}

// renewTerminal certifies the terminal's key anew, and starts it again with that.
func (w *world) renewTerminal(t *merchantTerminal) error {
	w.plan.busy[t.merchant] = true
	own, err := cvc.Parse(t.config.Certificate)
	if err != nil {
		return err
	}
	later, err := t.bank.ca.Certify(pki.Subject{Holder: own.Holder, Role: spec.RoleTerminal,
		Effective: w.today(), Expiry: w.today().AddDays(cardDays)}, own.PublicKey)
	if err != nil {
		return err
	}
	if err := t.bank.AddDevice(w.ctx, banking.Device{
		ID: t.ID(), Customer: t.merchant, Certificate: later, Policy: terminal.PilotPolicy(),
	}); err != nil {
		return err
	}
	t.config.Certificate, t.seen = later, nil
	return w.startTerminal(t)
}

// setTerminalBack keeps a copy of a terminal's store, or sets it back to one.
func (w *world) setTerminalBack(t *merchantTerminal, s Step) error {
	w.plan.busy[t.merchant] = true
	if t.backup == nil || s.Pick%2 == 0 {
		backup, err := w.disks[t.merchant].backup()
		t.backup = backup
		return err
	}
	if err := w.disks[t.merchant].restore(t.backup); err != nil {
		return err
	}
	t.setBack, t.knows, t.seen = true, false, nil
	w.recordFault(TerminalSetBack)
	return w.startTerminal(t)
}
