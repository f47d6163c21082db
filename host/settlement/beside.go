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

	netting sync.Mutex // one at a time
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
	l.say()
}

// remind says that something is due, if there is.
func (l *largeSets) remind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wallets) > 0 {
		l.say()
	}
}

func (l *largeSets) say() {
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

// maxTogether is how many claims of a large set are settled in one transaction, and in each part of
// those that can only be settled together.
const maxTogether = 200

// NetLarge nets the connected sets of claims that were too large for the changes that touched them.
// It reads and computes beside all transactions, and has its proposals carried out like what anyone
// else orders, in parts that are as small as the claims allow: each if it still holds. First it
// brings to its end what another call, or a process before, has left. It returns how many claims
// were settled. What it leaves, a later change finds again, or the next call goes on with. When ctx
// ends it stops after the transaction that has begun. A service calls it when it starts, and
// whenever LargeSets says so.
func (n *Notary) NetLarge(ctx context.Context) (settled int, err error) {
	if !n.large.netting.TryLock() {
		return 0, nil // who is at it says when it is done that more is due
	}
	defer n.large.remind()
	defer n.large.netting.Unlock()
	if settled, err = n.finishNetting(ctx); err != nil {
		return settled, err
	}
	seeds := n.large.take()
	if len(seeds) == 0 {
		return settled, nil
	}
	var parts [][]claim
	if err := n.view(context.WithoutCancel(ctx), func(t *txn) error {
		all := map[int64]*payment{}
		if _, err := t.connect(all, map[message.DeviceID]bool{}, seeds, math.MaxInt); err != nil {
			return err
		}
		_, claims, available, err := t.claims(inOrder(all))
		if err == nil {
			parts = inParts(netting(claims, available), available, n.together)
		}
		return err
	}); err != nil {
		return settled, err
	}
	for _, part := range parts {
		did, holds, err := n.carryOut(ctx, part)
		settled += did
		switch {
		case err != nil:
			return settled, err
		case !holds:
			n.large.add(seeds) // the rest of the proposal stood on it
			return settled, nil
		}
	}
	return settled, nil
}

// carryOut settles claims of a proposal that still wait, if it holds: they leave no wallet below
// zero. It does so in one transaction, or in parts when they are too many for one.
func (n *Notary) carryOut(ctx context.Context, part []claim) (settled int, holds bool, err error) {
	if err := ctx.Err(); err != nil {
		return 0, false, store.Failed(err)
	}
	if len(part) > 2*n.together {
		settled, err = n.netInParts(ctx, part)
		return settled, settled > 0, err
	}
	err = n.changePart(context.WithoutCancel(ctx), func(t *txn) (err error) {
		settled, holds, err = t.carryOut(part)
		return err
	})
	return settled, holds, err
}

// inParts divides claims that can be settled together into parts that can be settled one after the
// other: first all that can be paid by what is there then, which may let others pay; what is left
// at the end moves ring by ring, each at once, or by a netting in parts where it is too large.
func inParts(
	claims []claim, available map[message.DeviceID]money.Ore, together int,
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
			if part = append(part, c); len(part) == together {
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
	var rest []claim
	for _, c := range claims {
		if of := waiting[c.from]; len(of) > 0 && of[0].n == c.n {
			rest, waiting[c.from] = append(rest, c), of[1:]
		}
	}
	part = nil
	for _, group := range inRings(rest) {
		if len(part) > 0 && len(part)+len(group) > 2*together {
			parts, part = append(parts, part), nil
		}
		if part = append(part, group...); len(part) >= together {
			parts, part = append(parts, part), nil
		}
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// carryOut is the part of Notary.carryOut that one transaction can do.
func (t *txn) carryOut(part []claim) (settled int, holds bool, err error) {
	all, err := t.numbered(part)
	if err != nil {
		return 0, false, err
	}
	var devices []message.DeviceID
	for _, p := range all {
		devices = append(devices, p.payer, p.payee)
	}
	if err := t.loadWallets(devices); err != nil {
		return 0, false, err
	}
	byNumber, claims, available, err := t.claims(all)
	if err != nil || !settleable(claims, available) {
		return 0, false, err
	}
	all = slices.DeleteFunc(all, func(p *payment) bool { return byNumber[p.n] == nil })
	if len(all) == 0 {
		return 0, true, nil // others have settled them
	}
	return len(all), true, t.settle(all)
}
