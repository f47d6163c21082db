package lab

import (
	"errors"
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/host/card"
	"ekrona/host/money"
	"ekrona/host/terminal"
)

// aCoin is what every card that holds money must be able to pay in the end.
const aCoin = money.Ore(1)

// mustServe has the owner of every honest card close what nobody has paid, and every
// such card that holds money pay a coin at a till: none is bricked, and no till either.
// Its owner or its intermediary may have stopped it; nothing else may.
func (w *world) mustServe() *Failure {
	t, f := w.readyTill()
	if t == nil || f != nil {
		return f
	}
	for _, p := range w.people {
		if p.copied || p.gone || w.hasEnded(string(p.device.ID)) {
			continue
		}
		if f := w.mustClose(p); f != nil {
			return f
		}
		tap, err := w.tap(p, 0)
		if err != nil {
			return broken("%v", err)
		}
		holdings, err := p.phone.Holdings(w.ctx, tap)
		if err != nil {
			return failed(agreementNumber, "a card does not serve its owner", fmt.Sprintf("%s's card does not serve its owner: %v", p.name, err))
		}
		if holdings.Balance < aCoin {
			continue
		}
		w.note("      %s pays a coin at the %s", p.name, t.shop)
		err = w.sale(p, t, Step{Amount: aCoin})
		w.noteError(err)
		if err != nil && !isStopped(err) {
			return failed(agreementNumber, "a card cannot pay", fmt.Sprintf("%s's card, which holds %s, cannot pay %s at the %s: %v", p.name, holdings.Balance, aCoin, t.shop, err))
		}
		if f := w.mustEmpty(t); f != nil {
			return f
		}
	}
	return nil
}

// readyTill is a till that nobody has ended, with no sale open; nil when all have
// ended or their certificates have.
func (w *world) readyTill() (*till, *Failure) {
	for _, t := range w.tills {
		if t.setBack || w.hasEnded(string(t.ID())) {
			continue
		}
		return t, w.mustEmpty(t)
	}
	return nil, nil
}

// mustEmpty refuses what is open at a till that serves, and synchronises it.
func (w *world) mustEmpty(t *till) *Failure {
	if err := w.closeSales(t); err != nil {
		return failed(agreementNumber, "a till cannot refuse", fmt.Sprintf("the %s's till cannot refuse a sale: %v", t.shop, err))
	}
	return w.mustSynchroniseTill(t)
}

// closeSales refuses what is open at a till.
func (w *world) closeSales(t *till) error {
	for {
		open, err := t.OpenSales(w.ctx)
		if err != nil || len(open) == 0 {
			return err
		}
		if err := w.openSale(nil, t, Step{Kind: RefuseSale}); err != nil {
			return err
		}
	}
}

// mustClose has a phone refuse every Request that its card has open: each holds a place
// in the log, in the balance and among the transactions. The phone knows them all since
// it has synchronised, whichever phone made them.
func (w *world) mustClose(p *person) *Failure {
	open, err := p.phone.Unfinished(w.ctx)
	if err != nil {
		return broken("%s's phone: %v", p.name, err)
	}
	for _, asked := range open {
		if request, err := message.Parse[message.Request](asked.Message); err != nil || request.Payee != p.device.ID {
			continue // it is another's, to be paid
		}
		tap, err := w.tap(p, 0)
		if err != nil {
			return broken("%v", err)
		}
		_, err = p.phone.Refuse(w.ctx, tap, asked)
		w.noteError(err)
	}
	d, err := w.observe(p, 0)
	if err != nil {
		return broken("%s's card cannot be read: %v", p.name, err)
	}
	if len(d.State.OpenRequests) > 0 {
		return failed(agreementNumber, "a Request stays open", fmt.Sprintf("%s's card has %d Requests open that its owner's phone cannot close", p.name, len(d.State.OpenRequests)))
	}
	return w.mustSynchronise(p, 0, 3)
}

// isStopped tells whether a payment failed because somebody wanted it to, or because
// a certificate has ended.
func isStopped(err error) bool {
	for _, word := range []apdu.StatusWord{spec.SWBlocked, spec.SWClosed, spec.SWExpired} {
		if card.Is(err, word) {
			return true
		}
	}
	return errors.Is(err, terminal.ErrBlocked) || errors.Is(err, terminal.ErrExpired) || errors.Is(err, terminal.ErrRevoked) || errors.Is(err, cvc.ErrExpired)
}
