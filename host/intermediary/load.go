package intermediary

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// loadState is the state of a load order.
type loadState string

const (
	loadPlaced   loadState = "placed"   // the customer's money is set aside
	loadReserved loadState = "reserved" // the notary moved it to the shadow wallet
	loadTaken    loadState = "taken"    // the device has it
	loadReturned loadState = "returned" // the device could not take it: back in the online wallet
	loadRefused  loadState = "refused"  // it never left: back in the online wallet
)

// Final reports whether a load order can still change.
func (s loadState) Final() bool {
	return s == loadTaken || s == loadReturned || s == loadRefused
}

// PlaceLoad takes a customer's order to load a device:
//
//  1. In one transaction the order is kept and its money set aside from the
//     online wallet. A cut before leaves nothing, after it the order stands; the
//     same order again does nothing.
//  2. The device's next synchronisation carries the credit: see Report.
//
// Errors: *order.Refused when the online wallet does not cover it or the device cannot
// pay; order.ErrSignature; [banking.ErrNoDevice]; [banking.ErrTaken].
func (i *Intermediary) PlaceLoad(ctx context.Context, o order.Signed) error {
	d, err := i.verifyOrder(ctx, o, order.Load)
	if err != nil {
		return err
	}
	if err := i.PullStatement(ctx); err != nil { // what has just arrived may be loaded
		return err
	}
	if !d.role.CanPay() {
		return &order.Refused{
			Reason: fmt.Errorf("intermediary: %s is a %v and receives only: load a card", d.ID,
				d.role)}
	}
	digest := o.Digest()
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		var kept []byte
		found, err := store.Get(ctx, tx, store.Into{&kept}, `SELECT digest FROM load WHERE id = $1`,
			o.Key())
		switch {
		case found && bytes.Equal(kept, digest[:]):
			return nil
		case found:
			return fmt.Errorf("load order %s: %w", o.Key(), banking.ErrTaken)
		case err != nil:
			return fmt.Errorf("intermediary: load order %s: %w", o.Key(), err)
		}
		begins, err := restoreLoad(ctx, tx, o.Key(), d.ID, o.Amount)
		if err != nil {
			return err
		}
		if err := store.Exec(ctx, tx, `INSERT INTO load (id, device, amount, digest, placed, state,
			sequence)
			VALUES ($1, $2, $3, $4, (SELECT coalesce(max(placed), 0) + 1 FROM load), $5, $6)`,
			o.Key(), d.ID, int64(o.Amount), digest[:], begins.state, begins.sequence); err != nil {
			return fmt.Errorf("intermediary: load order %s: %w", o.Key(), err)
		}
		if begins.paid {
			return nil
		}
		_, err = ledger.Post(ctx, tx, i.clock.Now(), ledger.Order{
			Key: "load:" + o.Key(), Memo: "load of " + string(d.ID),
			Lines: []ledger.Line{{Account: wallet(d.Customer), Amount: -o.Amount},
				{Account: begins.aside, Amount: o.Amount}},
		})
		var short *ledger.ShortError
		if errors.As(err, &short) {
			return &order.Refused{Reason: banking.Refuse(banking.ErrNotCovered, "the online "+
				"wallet holds %s, %s cannot be loaded: load less, or put money into the online "+
				"wallet", short.Balance, o.Amount)}
		}
		return err
	})
}

// verifyOrder finds the device of an order and checks the owner's signature. Another kind of order
// fails permanently. An unknown device or key fails until it is known: the same order may have been
// placed under the key of a former phone, or before a backup was restored.
func (i *Intermediary) verifyOrder(
	ctx context.Context, o order.Signed, kind order.Kind,
) (storedDevice, error) {
	if o.Kind != kind || o.Amount <= 0 {
		return storedDevice{},
			&order.Refused{Reason: fmt.Errorf(
				"intermediary: this is no %s order of more than 0.00 kr", kind)}
	}
	if err := checkTexts(o.Of.Payer); err != nil {
		return storedDevice{}, err
	}
	d, err := device(ctx, i.db, o.Device)
	if err != nil {
		return storedDevice{}, err
	}
	owner, err := customer(ctx, i.db, d.Customer)
	if err != nil {
		return storedDevice{}, err
	}
	return d, o.Verify(owner.App)
}

// pendingLoad is the oldest load order of a device that no Instruction carries.
type pendingLoad struct {
	id     string
	amount money.Ore
}

func nextLoad(
	ctx context.Context, q store.Queryer, device message.DeviceID,
) (pendingLoad, bool, error) {
	var p pendingLoad
	found, err := store.Get(ctx, q, store.Into{&p.id, &p.amount},
		`SELECT id, amount FROM load WHERE device = $1 AND state = $2 ORDER BY placed LIMIT 1`,
		device, loadPlaced)
	if err == nil && !found {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("intermediary: load orders of %s: %w", device, err)
	}
	return p, true, nil
}

// hasOpenLoads reports whether a load order of a device may still change.
func hasOpenLoads(ctx context.Context, q store.Queryer, id message.DeviceID) (bool, error) {
	n, err := store.Number(ctx, q,
		`SELECT count(*) FROM load WHERE device = $1 AND state IN ($2, $3)`, id, loadPlaced,
		loadReserved)
	if err != nil {
		return false, fmt.Errorf("intermediary: load orders of %s: %w", id, err)
	}
	return n > 0, nil
}

// pullForLoads pulls the statement for the report of a device, and reports whether it has load
// orders that may still change. What becomes of them depends on whether the notary has carried one
// out meanwhile, and whether the device has taken it; who has none waits for nobody.
func (i *Intermediary) pullForLoads(
	ctx context.Context, state *message.State,
) (open bool, err error) {
	if open, err = hasOpenLoads(ctx, i.db, state.Device); err != nil {
		return false, err
	}
	if !open {
		return false, i.pullBeside(ctx)
	}
	if err := i.PullStatement(ctx); err != nil || state.Credit != spec.CreditTaken {
		return true, err
	}
	return true, i.loadIsTaken(ctx, state.Device, state.InstructionSequence)
}

// refuseLoad gives the money of an order that no Instruction carries back to its
// owner, once.
func (i *Intermediary) refuseLoad(ctx context.Context, p pendingLoad, reason string) error {
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		changed, err := store.Changed(ctx, tx,
			`UPDATE load SET state = $1, reason = $2 WHERE id = $3 AND state = $4`,
			loadRefused, reason, p.id, loadPlaced)
		if err != nil {
			return fmt.Errorf("intermediary: load order %s: %w", p.id, err)
		}
		if changed == 0 {
			return nil // another session moved it meanwhile
		}
		_, err = ledger.Reverse(ctx, tx, i.clock.Now(), "load-refused:"+p.id, "load:"+p.id)
		return err
	})
}

// refuseIfEnded gives the money of the device's orders that no Instruction carries
// back to their owner when the device has ended: it will never take one. reason is
// empty when there was none.
func (i *Intermediary) refuseIfEnded(
	ctx context.Context, id message.DeviceID, status notary.Status,
) (reason string, err error) {
	for status == notary.Ended {
		p, due, err := nextLoad(ctx, i.db, id)
		if err != nil || !due {
			return reason, err
		}
		reason = "the card has ended: load the one that takes its place"
		if err := i.refuseLoad(ctx, p, reason); err != nil {
			return reason, err
		}
	}
	return "", nil
}

// refuseLoadsOfEnded calls refuseIfEnded for devices that have pending orders.
func (i *Intermediary) refuseLoadsOfEnded(ctx context.Context, waiting []message.DeviceID) error {
	for _, id := range waiting {
		outstanding, err := i.notary.Outstanding(ctx, id)
		if err != nil {
			return err
		}
		if _, err := i.refuseIfEnded(ctx, id, outstanding.Status); err != nil {
			return err
		}
	}
	return nil
}

// loading returns the devices with load orders that no Instruction carries: a customer's, or with
// an empty id everybody's.
func (i *Intermediary) loading(ctx context.Context, owner string) ([]message.DeviceID, error) {
	ids, err := store.Column[message.DeviceID](ctx, i.db, `SELECT DISTINCT load.device FROM load
		JOIN device ON device.id = load.device
		WHERE ($1 = '' OR device.customer = $2) AND load.state = $3 ORDER BY load.device`, owner,
		owner, loadPlaced)
	if err != nil {
		return nil, fmt.Errorf("intermediary: load orders of %q: %w", owner, err)
	}
	return ids, nil
}

// moveLoad carries an order from one state to the next. It reports whether the order is known; one
// that is already in another state stays there.
func moveLoad(
	ctx context.Context, tx *sql.Tx, id string, from, to loadState, sequence uint32,
) (known bool, err error) {
	if err := store.Exec(ctx, tx,
		`UPDATE load SET state = $1, sequence = $2 WHERE id = $3 AND state = $4`, to, sequence, id,
		from); err != nil {
		return false, fmt.Errorf("intermediary: load order %s: %w", id, err)
	}
	err = store.Must(ctx, tx, store.Into{&known}, `SELECT count(*) > 0 FROM load WHERE id = $1`, id)
	return known, err
}

// loadIsTaken records that a device took the credit of an Instruction.
func (i *Intermediary) loadIsTaken(
	ctx context.Context, device message.DeviceID, sequence uint32,
) error {
	err := store.Exec(ctx, i.db,
		`UPDATE load SET state = $1 WHERE device = $2 AND sequence = $3 AND state = $4`,
		loadTaken, device, sequence, loadReserved)
	if err != nil {
		return fmt.Errorf("intermediary: load of %s: %w", device, err)
	}
	return nil
}

// concludeLoads marks as taken the credits that, by the notary, a device has applied and not
// returned: the State or Confirmation that proved it may have come before a backup was restored.
func (i *Intermediary) concludeLoads(
	ctx context.Context, device message.DeviceID, outstanding notary.Outstanding,
) error {
	next, err := firstUnapplied(device, outstanding)
	if err != nil {
		return err
	}
	if err := i.PullStatement(ctx); err != nil { // the statement has the returned credits
		return err
	}
	if err := store.Exec(ctx, i.db,
		`UPDATE load SET state = $1 WHERE device = $2 AND sequence < $3 AND state = $4`,
		loadTaken, device, next, loadReserved); err != nil {
		return fmt.Errorf("intermediary: loads of %s: %w", device, err)
	}
	return nil
}

// LoadProgress returns the progress of a load order; one that waits for a device that has ended is
// refused then. Errors: [banking.ErrNoOrder], order.ErrSignature.
func (i *Intermediary) LoadProgress(ctx context.Context, o order.Signed) (order.Progress, error) {
	if _, err := i.verifyOrder(ctx, o, order.Load); err != nil {
		return order.Progress{}, err
	}
	outstanding, err := i.notary.Outstanding(ctx, o.Device)
	if err != nil {
		return order.Progress{}, err
	}
	if _, err := i.refuseIfEnded(ctx, o.Device, outstanding.Status); err != nil {
		return order.Progress{}, err
	}
	if err := i.concludeLoads(ctx, o.Device, outstanding); err != nil {
		return order.Progress{}, err
	}
	p := order.Progress{Amount: o.Amount}
	var reason sql.NullString
	found, err := store.Get(ctx, i.db, store.Into{&p.State, &reason},
		`SELECT state, reason FROM load WHERE id = $1`, o.Key())
	if err == nil && !found {
		return p, fmt.Errorf("load order %s: %w", o.Key(), banking.ErrNoOrder)
	}
	if err != nil {
		return p, fmt.Errorf("intermediary: load order %s: %w", o.Key(), err)
	}
	state := loadState(p.State)
	p.Final, p.Done, p.Reason = state.Final(), state == loadTaken, reason.String
	if state == loadReturned {
		p.Reason = "the device could not take it any more: the money is back in the online wallet"
	}
	return p, nil
}
