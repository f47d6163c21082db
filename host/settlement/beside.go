package settlement

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

// largeSets are wallets of connected sets that were too large for the changes that touched them.
type largeSets struct {
	mu      sync.Mutex
	wallets map[message.DeviceID]bool
	due     chan struct{}
}

// add adds wallets. Those beyond a bound are found from others of their set.
func (l *largeSets) add(wallets []message.DeviceID) {
	if len(wallets) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wallets == nil {
		l.wallets = map[message.DeviceID]bool{}
	}
	for _, id := range wallets {
		if len(l.wallets) == maxConnected {
			break
		}
		l.wallets[id] = true
	}
	select {
	case l.channel() <- struct{}{}:
	default:
	}
}

func (l *largeSets) channel() chan struct{} {
	if l.due == nil {
		l.due = make(chan struct{}, 1)
	}
	return l.due
}

func (l *largeSets) take() []message.DeviceID {
	l.mu.Lock()
	defer l.mu.Unlock()
	wallets := slices.Sorted(maps.Keys(l.wallets))
	l.wallets = nil
	return wallets
}

// LargeSets is sent to when NetLarge has something to do.
func (n *Notary) LargeSets() <-chan struct{} {
	n.large.mu.Lock()
	defer n.large.mu.Unlock()
	return n.large.channel()
}

// maxTogether is how many claims of a large set are settled in one transaction, if they can be
// settled apart. A ring, whose wallets have nothing, can not.
const maxTogether = 200

// NetLarge nets the connected sets of claims that were too large for the changes that touched them.
// It reads and computes beside all transactions, and has its proposals carried out like what anyone
// else orders, in parts that are as small as the claims allow: each if it still holds. It returns
// how many claims were settled. What it leaves, a later change finds again. A service calls it
// whenever LargeSets says so.
func (n *Notary) NetLarge(ctx context.Context) (settled int, err error) {
	seeds := n.large.take()
	if len(seeds) == 0 {
		return 0, nil
	}
	var parts [][]claim
	if err := n.view(ctx, func(t *txn) error {
		all := map[int64]*payment{}
		if _, err := t.connect(all, map[message.DeviceID]bool{}, seeds, math.MaxInt); err != nil {
			return err
		}
		_, claims, available, err := t.claims(inOrder(all))
		if err == nil {
			parts = inParts(netting(claims, available), available)
		}
		return err
	}); err != nil {
		return 0, err
	}
	for _, part := range parts {
		did := 0
		if err := n.change(ctx, func(t *txn) (err error) {
			did, err = t.carryOut(part)
			return err
		}); err != nil {
			return settled, err
		}
		if settled += did; did == 0 {
			n.large.add(seeds) // the rest of the proposal stood on it
			return settled, nil
		}
	}
	return settled, nil
}

// inParts divides claims that can be settled together into parts that can be settled one after the
// other: first all that can be paid by what is there then, which may let others pay; what is left
// at the end moves ring by ring, each at once.
func inParts(
	claims []claim, available map[message.DeviceID]money.Ore,
) (parts [][]claim) {
	left := maps.Clone(available)
	waiting := map[message.DeviceID][]claim{} // of each payer, in order
	var ready []message.DeviceID
	for _, c := range claims {
		if len(waiting[c.from]) == 0 {
			ready = append(ready, c.from)
		}
		waiting[c.from] = append(waiting[c.from], c)
	}
	var part []claim
	for len(ready) > 0 {
		id := ready[0]
		ready = ready[1:]
		for len(waiting[id]) > 0 && waiting[id][0].amount <= left[id] {
			c := waiting[id][0]
			waiting[id] = waiting[id][1:]
			left[id] -= c.amount
			if part = append(part, c); len(part) == maxTogether {
				parts, part = append(parts, part), nil
			}
			if len(waiting[c.to]) > 0 {
				left[c.to] += c.amount
				ready = append(ready, c.to)
			}
		}
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	var together []claim
	for _, c := range claims {
		if rest := waiting[c.from]; len(rest) > 0 && rest[0].n == c.n {
			together, waiting[c.from] = append(together, c), rest[1:]
		}
	}
	part = nil
	for _, group := range inRings(together) {
		part = append(part, group...)
		if len(part) >= maxTogether {
			parts, part = append(parts, part), nil
		}
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// carryOut settles claims of a proposal, if all of them still wait and leave no wallet below zero.
func (t *txn) carryOut(part []claim) (settled int, err error) {
	keys := store.Set{Columns: []store.Field{{Name: "n", Type: store.BigInt}}}
	for _, c := range part {
		keys.Add(c.n)
	}
	var all []*payment
	if err := t.find(&keys, func(row store.Row) error {
		p, err := scanPayment(row)
		all = append(all, t.work.adopt(p))
		return err
	}, paymentColumns+"WHERE p.n = $1"); err != nil {
		return 0, err
	}
	slices.SortFunc(all, byArrival)
	var devices []message.DeviceID
	for _, p := range all {
		devices = append(devices, p.payer, p.payee)
	}
	if err := t.loadDevices(devices...); err != nil {
		return 0, err
	}
	if err := t.loadBalances(sorted(devices)); err != nil {
		return 0, err
	}
	_, claims, available, err := t.claims(all)
	if err != nil || len(claims) < len(part) || !settleable(claims, available) {
		return 0, err
	}
	return len(all), t.settle(all)
}
