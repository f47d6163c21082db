package simulator

import (
	"errors"
	"fmt"
	"slices"

	"ekrona.example/applet/client"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// mustResume has every phone of an honest card continue, now that the faults have stopped, each
// order that it started: after any fault an order must either succeed or be refused.
func (w *world) mustResume() *Failure {
	for _, p := range w.people {
		if p.copied || p.gone || w.hasEnded(string(p.device.ID)) {
			continue
		}
		started, err := w.startedOrders(p)
		if err != nil {
			return partyFailure("%v", err)
		}
		for _, o := range started {
			if f := w.resume(p, o); f != nil {
				return f
			}
		}
	}
	return nil
}

// resume repeats the call that placed an order.
func (w *world) resume(p *person, o order.Order) *Failure {
	w.note("      %s goes on with the %v of %s", p.name, o.Kind, o.Amount)
	tap, err := w.tap(p, 0)
	if err != nil {
		return partyFailure("%v", err)
	}
	switch o.Kind {
	case order.Load:
		_, err = p.phone.Load(w.ctx, tap, o.Amount)
	case order.Unload:
		_, err = p.phone.Unload(w.ctx, tap, o.Amount)
	default:
		return partyFailure("%s's phone keeps an order of the kind %v", p.name, o.Kind)
	}
	w.noteError(err)
	var refused *order.Refused
	var byCard *client.Refusal
	if err == nil || errors.As(err, &refused) || errors.As(err, &byCard) {
		return nil
	}
	return failed(agreementNumber, "an order cannot be finished",
		fmt.Sprintf("%s's %v of %s can neither be finished nor is it refused: %v", p.name, o.Kind,
			o.Amount, err))
}

// startedOrders returns the orders that a phone has not finished, the oldest first.
func (w *world) startedOrders(p *person) (all []order.Order, err error) {
	all, err = store.All(w.ctx, p.journal, func(row store.Row) (o order.Order, err error) {
		var id []byte
		err = row.Scan(&id, &o.Kind, &o.Amount)
		copy(o.ID[:], id)
		return o, err
	}, `SELECT id, kind, amount FROM orders WHERE NOT done ORDER BY position`)
	if err != nil {
		return nil, fmt.Errorf("%s's phone: %w", p.name, err)
	}
	return all, nil
}

// cancelUnload has the desk close the person's last unload, which nobody has paid as
// far as the phone knows.
func (w *world) cancelUnload(p *person) error {
	started, err := w.startedOrders(p)
	if err != nil {
		return err
	}
	for _, o := range slices.Backward(started) {
		if o.Kind == order.Unload {
			return p.bank.CancelUnload(w.ctx, o.Key())
		}
	}
	return errors.New("no unload is under way")
}
