package settlement

import (
	"maps"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/ledger"
	"ekrona.example/host/store"
)

// touched is what a transaction has changed of which money may move that could not before. Whoever
// writes one of these facts touches it:
//
//   - a device: its wallet received money or a credit was taken, it has ended, was registered, or
//     a claim on it is done;
//   - a payment: it was stored, its signature was proven, or its payee has decided on its Request;
//   - cover: a holding or the pool received money, an acknowledgement began another period of a
//     payee's cover limit, or a crisis order or a group raised it.
type touched struct {
	devices    map[message.DeviceID]bool
	payments   map[int64]bool
	holdings   map[message.Name]bool     // of intermediaries that cover their devices
	payees     map[message.DeviceID]bool // that may be helped to more
	cover      bool                      // for everybody
	everything bool
}

func newTouched() touched {
	return touched{devices: map[message.DeviceID]bool{}, payments: map[int64]bool{},
		holdings: map[message.Name]bool{}, payees: map[message.DeviceID]bool{}}
}

func (c *touched) device(id message.DeviceID) { c.devices[id] = true }
func (c *touched) payment(n int64)            { c.payments[n] = true }

// line touches what a line of a movement gives to.
func (c *touched) line(l ledger.Line) {
	switch {
	case l.Amount <= 0:
	case l.Account.Kind == ledger.Shadow:
		c.device(message.DeviceID(l.Account.ID))
	case l.Account.Kind == ledger.Online:
		c.holdings[message.Name(l.Account.ID)] = true
	case l.Account.Kind == ledger.Pool:
		c.cover = true
	}
}

// and returns the touched devices and others, in order.
func (c *touched) and(others []message.DeviceID) []message.DeviceID {
	return sorted(slices.AppendSeq(slices.Clone(others), maps.Keys(c.devices)))
}

// maxConnected bounds what one change reads of the payments that others than it have made, where
// Config.Connected says nothing else.
const maxConnected = 300

// pending returns the payments without a final verdict that may move by what was touched, in order
// of arrival, and the devices among which they are: what was touched, and whatever unsettled
// payments connect with it from wallet to wallet. Terminals and desks connect nothing: what they
// collect does not wait in a wallet. Of a connected set with more others than that it
// returns a part: what can move by itself is found all the same, since each that moves touches the
// next; what can only move together is found by NetLarge, beside the transaction.
func (t *txn) pending() ([]*payment, []message.DeviceID, error) {
	if t.touched.everything {
		return t.everything()
	}
	found, seen := map[int64]*payment{}, map[message.DeviceID]bool{}
	next := t.touched.and(nil)
	for _, n := range slices.Sorted(maps.Keys(t.touched.payments)) {
		p := t.work.numbered[n]
		if p == nil {
			one, err := t.open("p.n = $1", n)
			if err != nil || len(one) == 0 {
				if err != nil {
					return nil, nil, err
				}
				continue
			}
			p = one[0]
		}
		if p.mayMove() {
			found[n], next = p, append(next, p.payer, p.payee)
		}
	}
	border, err := t.connect(found, seen, next, len(found)+t.connected)
	t.large = append(t.large, border...)
	return inOrder(found), slices.Sorted(maps.Keys(seen)), err
}

// connect adds to the payments that were found those without a final verdict that hang together
// with wallets, and to the seen devices theirs. Beyond most payments it goes no further, and
// returns the wallets that it has come to.
func (t *txn) connect(
	found map[int64]*payment, seen map[message.DeviceID]bool, next []message.DeviceID, most int,
) (border []message.DeviceID, err error) {
	for len(next) > 0 && len(found) <= most {
		wallets, err := t.unseenWallets(next, seen)
		if err != nil {
			return nil, err
		}
		if err := t.loadOpen(wallets); err != nil {
			return nil, err
		}
		next = nil
		for _, id := range wallets {
			for _, p := range t.work.open[id] {
				if p.mayMove() && found[p.n] == nil {
					found[p.n], next = p, append(next, p.payer, p.payee)
				}
			}
		}
	}
	return next, nil
}

// unseenWallets returns those of the devices that connect their payments and were not seen, and
// notes them as seen: wallets that pay on, payers that nobody registered, and what was touched
// itself.
func (t *txn) unseenWallets(
	ids []message.DeviceID, seen map[message.DeviceID]bool,
) (wallets []message.DeviceID, err error) {
	if err := t.loadDevices(ids...); err != nil {
		return nil, err
	}
	for _, id := range sorted(ids) {
		d := t.work.devices[id]
		if seen[id] || !t.touched.devices[id] && d != nil && !d.role.CanPay() {
			continue
		}
		seen[id], wallets = true, append(wallets, id)
	}
	return wallets, t.loadBalances(wallets)
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

// awaitsCover is the condition of claims that could not be covered before.
const awaitsCover = "p.awaits_cover AND p.verdict = 2"

// andAwaitingCover adds to pending, when there is new cover, the claims that could not be covered
// before. Each new cover is looked at once: what it does not suffice for waits for more.
func (t *txn) andAwaitingCover(pending []*payment) ([]*payment, error) {
	if t.touched.everything {
		return pending, nil
	}
	var awaiting []*payment
	add := func(condition string, args ...any) error {
		more, err := t.open(awaitsCover+condition, args...)
		awaiting = append(awaiting, more...)
		return err
	}
	holdings, payees := t.touched.holdings, t.touched.payees
	if t.touched.cover {
		holdings, payees = nil, nil // theirs are among all
		if err := add(""); err != nil {
			return nil, err
		}
		if err := t.andAwaitingPool(&awaiting); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(holdings)) {
		// ids begin with the name
		if err := add(" AND p.payer >= $1 AND p.payer < $2", name, name+"~"); err != nil {
			return nil, err
		}
	}
	ofPayees, err := t.openOf(slices.Sorted(maps.Keys(payees)), awaitsCover)
	if err != nil {
		return nil, err
	}
	awaiting = append(awaiting, ofPayees...)
	t.touched.cover = false
	clear(t.touched.holdings)
	clear(t.touched.payees)
	if len(awaiting) == 0 {
		return pending, nil
	}
	all := map[int64]*payment{}
	for _, p := range slices.Concat(awaiting, pending) { // pending knows the verdicts of today
		all[p.n] = p
	}
	return inOrder(all), nil
}

// andAwaitingPool adds the claims that have waited longest for room in the pool.
func (t *txn) andAwaitingPool(awaiting *[]*payment) error {
	if !t.lendsAhead() {
		return nil
	}
	oldest, err := store.Column[int64](t.ctx, t.tx, `SELECT n FROM payment WHERE awaits_pool
		AND verdict IN (1, 2) AND netting = 0 ORDER BY n LIMIT $1`, maxAwaitingPool)
	if err != nil || len(oldest) == 0 {
		return err
	}
	more, err := t.open("p.awaits_pool AND p.n <= $1", oldest[len(oldest)-1])
	*awaiting = append(*awaiting, more...)
	return err
}

func inOrder(payments map[int64]*payment) []*payment {
	return slices.SortedFunc(maps.Values(payments), byArrival)
}
