package simulator

import (
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/audit"
	"ekrona.example/host/store"
	"ekrona.example/host/terminal"
)

// crisisNumber is that of the invariant about crisis orders (protocol §8, 12).
const crisisNumber = 12

// signedCrises are the orders that the notary has signed, by their identities.
type signedCrises map[message.Hash]*message.CrisisOrder

func (w *world) signedCrises() (signedCrises, error) {
	all, err := store.Column[[]byte](w.ctx, w.centralDB, "SELECT bytes FROM crisis_order")
	if err != nil {
		return nil, err
	}
	signed := signedCrises{}
	for _, encoded := range all {
		order, err := message.Parse[message.CrisisOrder](encoded)
		if err != nil {
			return nil, err
		}
		identity, err := message.Identity(order)
		if err != nil {
			return nil, err
		}
		signed[identity] = order
	}
	return signed, nil
}

// most returns the highest single caps that a device can have had: of all policies that it was
// told, and of all rows of genuine orders; after a theft its ceilings.
func (w *world) most(signed signedCrises, id message.DeviceID, first, ceilings message.Policy) (
	most message.Policy, err error,
) {
	most = first
	raise := func(p message.Policy) {
		most.MaxBalance = max(most.MaxBalance, p.MaxBalance)
		most.MaxSpent = max(most.MaxSpent, p.MaxSpent)
		most.MaxTransactions = max(most.MaxTransactions, p.MaxTransactions)
	}
	if w.robbed {
		raise(ceilings)
	}
	for _, order := range signed {
		for _, row := range order.Rows {
			if row.Name == "" || row.Name == id.Name() {
				raise(row.Raise(most, ceilings))
			}
		}
	}
	told, err := store.Column[[]byte](w.ctx, w.centralDB,
		"SELECT policy FROM instruction WHERE device = $1", id)
	for _, encoded := range told {
		policy, err := message.ParsePolicy(encoded)
		if err != nil {
			return most, err
		}
		raise(policy)
	}
	return most, err
}

// checkCrisis checks every honest device against what the notary has signed.
func (w *world) checkCrisis(honest map[string]audit.Device) *Failure {
	if len(w.crises) == 0 {
		return nil
	}
	signed, err := w.signedCrises()
	if err != nil {
		return partyFailure("crisis orders: %v", err)
	}
	f := failed(crisisNumber, "a crisis order counts that must not, or for more than it says")
	for id, d := range honest {
		if err := w.checkHeld(signed, message.DeviceID(id), d.State); err != nil {
			f.What = append(f.What, fmt.Sprintf("%s: %v", id, err))
		}
	}
	for _, p := range w.people {
		d, isHonest := honest[string(p.device.ID)]
		if !isHonest {
			continue
		}
		ceilings, err := message.ParsePolicy(p.device.Ceilings)
		if err != nil {
			return partyFailure("%s's ceilings: %v", p.name, err)
		}
		most, err := w.most(signed, p.device.ID, message.DefaultPolicy().Under(ceilings), ceilings)
		if err != nil {
			return partyFailure("%s's limits: %v", p.name, err)
		}
		if spent := spentSince(d, p.device.ID); spent > most.MaxSpent {
			f.What = append(f.What, fmt.Sprintf("%s has paid %s since the last acknowledgement; "+
				"no cap was ever above %s", p.name, spent, most.MaxSpent))
		}
	}
	for _, t := range w.terminals {
		if t.setBack || *t.off != 0 || w.robbed {
			continue
		}
		if err := w.checkRoom(signed, t); err != nil {
			f.What = append(f.What, fmt.Sprintf("the %s's terminal: %v", t.merchant, err))
		}
	}
	if len(f.What) > 0 {
		return f
	}
	return nil
}

// checkHeld checks the order that a device holds: signed by the notary, but for what thieves have
// signed, and not below what the device was told.
func (w *world) checkHeld(
	signed signedCrises, id message.DeviceID, state *message.State,
) error {
	if state.OrderHeld == (message.Hash{}) {
		return nil
	}
	order := signed[state.OrderHeld]
	switch {
	case order == nil && !w.robbed:
		return fmt.Errorf("it holds an order that nobody has signed")
	case order != nil && order.Number != state.OrderNumber:
		return fmt.Errorf("it holds order %d and shows %d", order.Number, state.OrderNumber)
	}
	var told uint32
	if _, err := store.Get(w.ctx, w.centralDB, store.Into{&told}, "SELECT lowest_order FROM "+
		"instruction WHERE device = $1 AND seq = $2", id, state.InstructionSequence); err != nil {
		return err
	}
	if state.OrderNumber < told {
		return fmt.Errorf("it holds order %d, and was told that those below %d are over",
			state.OrderNumber, told)
	}
	return nil
}

// spentSince returns what a card has paid since its last acknowledgement, its own desk apart.
func spentSince(d audit.Device, id message.DeviceID) (sum money.Ore) {
	for _, r := range d.Records {
		if p := r.Payment; p != nil && r.Receipt == nil && p.ATC > d.State.AckedATC &&
			string(p.Request.Payee) != string(id.Name())+"DESK0001" {
			sum += p.Request.Amount
		}
	}
	return sum
}

// checkRoom checks that a terminal whose clock is right counts by an order only on its days.
func (w *world) checkRoom(signed signedCrises, t *merchantTerminal) error {
	room, err := t.Room(w.ctx)
	if err != nil {
		return err
	}
	most := terminal.PilotPolicy()
	counts := false
	for _, order := range signed {
		row, _ := order.Row(t.ID().Name(), 0)
		if !order.CountsOn(w.today()) {
			continue
		}
		counts = counts || room.Crisis != nil && order.Number == room.Crisis.Number
		most.MaxBalance = max(most.MaxBalance, row.MaxReceived)
	}
	if room.Crisis != nil && !counts {
		return fmt.Errorf("it counts by order %d, which is none of today", room.Crisis.Number)
	}
	if room.MostSum > most.MaxBalance {
		return fmt.Errorf("it takes %s, and no order of today allows more than %s", room.MostSum,
			most.MaxBalance)
	}
	return nil
}

// mustBeCured checks, after a theft and when all have synchronised, that no device holds what the
// thieves have signed.
func (w *world) mustBeCured() *Failure {
	if !w.robbed {
		return nil
	}
	honest, err := w.honestDevices()
	if err != nil {
		return partyFailure("an honest device cannot be read: %v", err)
	}
	signed, err := w.signedCrises()
	if err != nil {
		return partyFailure("crisis orders: %v", err)
	}
	f := failed(crisisNumber, "a stolen crisis key's order outlives its successor")
	for id, d := range honest {
		if d.State.OrderHeld != (message.Hash{}) && signed[d.State.OrderHeld] == nil &&
			!w.hasEnded(id) && !w.isGone(id) {
			f.What = append(f.What, fmt.Sprintf("%s holds order %d of thieves", id,
				d.State.OrderNumber))
		}
	}
	if len(f.What) > 0 {
		return f
	}
	return nil
}

// isGone reports whether a card is held to no reader any more.
func (w *world) isGone(id string) bool {
	for _, p := range w.people {
		if string(p.device.ID) == id {
			return p.gone
		}
	}
	return false
}
