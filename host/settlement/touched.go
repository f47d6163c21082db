package settlement

import (
	"cmp"
	"maps"
	"slices"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/host/ledger"
	"ekrona/host/notary"
	"ekrona/host/store"
)

// touched is what a transaction has changed of which money may move that could not before. Whoever
// writes one of these facts touches it:
//
//   - a device: its wallet received money or a credit was taken, it has ended, was registered, or
//     a claim on it is done;
//   - a payment: it was stored, its signature was proven, or its payee has decided on its Request;
//   - cover: a holding or the pool received money, an acknowledgement began another period of the
//     cover limit, or a crisis order or a group raised it.
type touched struct {
	devices    map[message.DeviceID]bool
	payments   map[int64]bool
	cover      bool
	everything bool
}

func newTouched() touched {
	return touched{devices: map[message.DeviceID]bool{}, payments: map[int64]bool{}}
}

func (c *touched) device(id message.DeviceID) { c.devices[id] = true }
func (c *touched) payment(n int64)            { c.payments[n] = true }

// line touches what a line of a movement gives to.
func (c *touched) line(l ledger.Line) {
	switch {
	case l.Amount <= 0:
	case l.Account.Kind == ledger.Shadow:
		c.device(message.DeviceID(l.Account.ID))
	case l.Account.Kind == ledger.Online || l.Account.Kind == ledger.Pool:
		c.cover = true
	}
}

// and returns the touched devices and others, in order.
func (c *touched) and(others []message.DeviceID) []message.DeviceID {
	all := slices.AppendSeq(slices.Clone(others), maps.Keys(c.devices))
	slices.Sort(all)
	return slices.Compact(all)
}

// touchRequest touches the payments of a Request, on which the payee has decided.
func (t *txn) touchRequest(payee message.DeviceID, request uint32) error {
	numbers, err := store.Column[int64](t.ctx, t.tx,
		"SELECT n FROM payment WHERE payee = $1 AND request = $2", payee, request)
	for _, n := range numbers {
		t.touched.payment(n)
	}
	return err
}

// pending returns the payments without a final verdict that may move by what was touched, in order
// of arrival, and the devices among which they are: what was touched, and whatever unsettled
// payments connect with it from wallet to wallet. Terminals and desks connect nothing: what they
// collect does not wait in a wallet.
func (t *txn) pending() ([]*payment, []message.DeviceID, error) {
	if t.touched.everything {
		return t.everything()
	}
	found, seen := map[int64]*payment{}, map[message.DeviceID]bool{}
	var next []message.DeviceID
	add := func(all []*payment, err error) error {
		for _, p := range all {
			if err != nil || found[p.n] != nil {
				continue
			}
			found[p.n] = p
			next = append(next, p.payer)
			var wallet bool
			if wallet, err = t.isWallet(p.payee); wallet {
				next = append(next, p.payee)
			}
		}
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(t.touched.payments)) {
		if err := add(t.open("p.n = $1", n)); err != nil {
			return nil, nil, err
		}
	}
	for next = append(next, t.touched.and(nil)...); len(next) > 0; {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		if err := add(t.open("p.payer = $1", id)); err != nil {
			return nil, nil, err
		}
		if err := add(t.open("p.payee = $1", id)); err != nil {
			return nil, nil, err
		}
	}
	return inOrder(found), slices.Sorted(maps.Keys(seen)), nil
}

// everything is pending for all devices.
func (t *txn) everything() ([]*payment, []message.DeviceID, error) {
	all, err := t.open("TRUE")
	if err != nil {
		return nil, nil, err
	}
	ended, err := store.Column[message.DeviceID](t.ctx, t.tx, endedWithMoney, dueForSweep...)
	return all, ended, err
}

// isWallet reports whether a device has a shadow wallet that pays on.
func (t *txn) isWallet(id message.DeviceID) (bool, error) {
	wallet, known := t.wallets[id]
	if known {
		return wallet, nil
	}
	var role spec.Role
	if _, err := t.queryRow("SELECT role FROM device WHERE id = $1", []any{id},
		&role); err != nil {
		return false, err
	}
	t.wallets[id] = role.CanPay()
	return t.wallets[id], nil
}

// andAwaitingCover adds to pending, when there is new cover, the claims that could not be covered
// before.
func (t *txn) andAwaitingCover(pending []*payment) ([]*payment, error) {
	if !t.touched.cover || t.touched.everything {
		return pending, nil
	}
	awaiting, err := t.open("p.awaits_cover AND p.verdict = $1", int(notary.Waiting))
	if err != nil || len(awaiting) == 0 {
		return pending, err
	}
	all := map[int64]*payment{}
	for _, p := range slices.Concat(awaiting, pending) { // pending knows the verdicts of today
		all[p.n] = p
	}
	return inOrder(all), nil
}

func inOrder(payments map[int64]*payment) []*payment {
	return slices.SortedFunc(maps.Values(payments),
		func(a, b *payment) int { return cmp.Compare(a.n, b.n) })
}
