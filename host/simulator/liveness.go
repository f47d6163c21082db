package simulator

import (
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/terminal"
)

// smallestAmount is what every card that holds money must be able to pay in the end.
const smallestAmount = money.Ore(1)

// mustStayLive has the owner of every honest card close its unpaid Requests, and every such card
// that holds money pay a small amount at a terminal: no card and no terminal is bricked. Only the
// owner or the intermediary may have stopped it.
func (w *world) mustStayLive() *Failure {
	t, f := w.readyTerminal()
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
			return partyFailure("%v", err)
		}
		holdings, err := p.phone.Holdings(w.ctx, tap)
		if err != nil {
			return failed(agreementNumber, "a card does not serve its owner",
				fmt.Sprintf("%s's card does not serve its owner: %v", p.name, err))
		}
		if holdings.Balance < smallestAmount {
			continue
		}
		w.note("      %s pays a coin at the %s", p.name, t.merchant)
		err = w.sale(p, t, Step{Amount: smallestAmount})
		w.noteError(err)
		if err != nil && !isStopped(err) {
			return failed(agreementNumber, "a card cannot pay",
				fmt.Sprintf("%s's card, which holds %s, cannot pay %s at the %s: %v", p.name,
					holdings.Balance, smallestAmount, t.merchant, err))
		}
		if f := w.mustUnloadAll(t); f != nil {
			return f
		}
	}
	return nil
}

// readyTerminal returns a terminal that has not ended, with no sale open; nil when all have ended
// or their certificates have.
func (w *world) readyTerminal() (*merchantTerminal, *Failure) {
	for _, t := range w.terminals {
		if t.setBack || w.hasEnded(string(t.ID())) {
			continue
		}
		return t, w.mustUnloadAll(t)
	}
	return nil, nil
}

// mustUnloadAll refuses what is open at a working terminal, and synchronises it.
func (w *world) mustUnloadAll(t *merchantTerminal) *Failure {
	if err := w.closeSales(t); err != nil {
		return failed(agreementNumber, "a terminal cannot refuse",
			fmt.Sprintf("the %s's terminal cannot refuse a sale: %v", t.merchant, err))
	}
	return w.mustSynchroniseTerminal(t)
}

// closeSales refuses what is open at a terminal.
func (w *world) closeSales(t *merchantTerminal) error {
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

// mustClose has a phone refuse every Request that its card has open: each reserves room in the log,
// in the balance and among the transactions. The phone knows them all since it has synchronised,
// whichever phone made them.
func (w *world) mustClose(p *person) *Failure {
	open, err := p.phone.Unfinished(w.ctx)
	if err != nil {
		return partyFailure("%s's phone: %v", p.name, err)
	}
	for _, requested := range open {
		if request, err := message.Parse[message.Request](requested.Message); err != nil ||
			request.Payee != p.device.ID {
			continue // it is another's, to be paid
		}
		tap, err := w.tap(p, 0)
		if err != nil {
			return partyFailure("%v", err)
		}
		_, err = p.phone.Refuse(w.ctx, tap, requested)
		w.noteError(err)
	}
	d, err := w.observe(p, 0)
	if err != nil {
		return partyFailure("%s's card cannot be read: %v", p.name, err)
	}
	if len(d.State.OpenRequests) > 0 {
		return failed(agreementNumber, "a Request stays open",
			fmt.Sprintf("%s's card has %d Requests open that its owner's phone cannot close",
				p.name, len(d.State.OpenRequests)))
	}
	return w.mustSynchronise(p, 0, 3)
}

// isStopped reports whether a payment failed because somebody blocked it, or because a certificate
// has ended.
func isStopped(err error) bool {
	for _, word := range []apdu.StatusWord{spec.SWBlocked, spec.SWClosed, spec.SWExpired} {
		if client.Is(err, word) {
			return true
		}
	}
	return errors.Is(err, terminal.ErrBlocked) || errors.Is(err, terminal.ErrExpired) ||
		errors.Is(err, terminal.ErrEnded) ||
		errors.Is(err, terminal.ErrRevoked) || errors.Is(err, cvc.ErrExpired)
}
