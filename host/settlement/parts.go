package settlement

import (
	"context"
	"fmt"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Netting in parts settles claims that can only be settled together and are too many for one
// transaction. A claim has two halves: its payer's wallet pays into the clearing account, and that
// pays its payee's. A part is a set of wallets, each with all its halves; a claim between two of
// them is an ordinary movement. First all are taken, part by part: from then on nothing else moves
// those claims, and what a wallet pays more than it gets is set aside in it. When all are taken one
// transaction decides it, and from there it cannot fail. The wallets that pay more than they get
// move first, so that the clearing account is never below zero either. Where it stands is in the
// database: another process goes on with it, or gives it back when it is not decided.

// half is how far the netting under way has come with a claim.
type half int

const (
	free     half = iota // it has not taken it
	locked               // it has taken it
	debited              // its payer's wallet has paid
	credited             // its payee's wallet has been paid
)

// netInParts settles claims by a netting in parts, if all that still wait leave no wallet below
// zero; else nothing has moved. What has to do with others than wallets is left out: who pays that
// has more without it, and pays it when its turn has come.
func (n *Notary) netInParts(ctx context.Context, claims []claim) (settled int, err error) {
	p := newPlan(slices.DeleteFunc(slices.Clone(claims), func(c claim) bool { return c.to == "" }))
	if err := n.changePart(context.WithoutCancel(ctx), func(t *txn) (err error) {
		p.number, err = t.beginNetting()
		return err
	}); err != nil || p.number == 0 {
		return 0, err
	}
	held := true
	for left := p.places; len(left) > 0 && held; {
		part := left[:partOf(left, n.together)]
		left = left[len(part):]
		if err := ctx.Err(); err != nil {
			return 0, store.Failed(err)
		}
		var out gone
		if err := n.changePart(context.WithoutCancel(ctx), func(t *txn) (err error) {
			out, held, err = t.take(p, part)
			return err
		}); err != nil {
			return 0, err
		}
		p.leaveOut(out)
	}
	if held {
		if err := ctx.Err(); err != nil {
			return 0, store.Failed(err)
		}
		if err := n.changePart(context.WithoutCancel(ctx), func(t *txn) error {
			return t.decideNetting(p)
		}); err != nil {
			return 0, err
		}
	}
	return n.finishNetting(ctx)
}

// finishNetting brings the netting under way to its end, if there is one: what is decided moves,
// anything else is given back.
func (n *Notary) finishNetting(ctx context.Context) (settled int, err error) {
	var now underWay
	if err := n.view(context.WithoutCancel(ctx), func(t *txn) (err error) {
		now, err = t.underWay()
		return err
	}); err != nil {
		return 0, err
	}
	for now.number != 0 {
		if err := ctx.Err(); err != nil {
			return settled, store.Failed(err)
		}
		did := 0
		if err := n.changePart(context.WithoutCancel(ctx), func(t *txn) (err error) {
			if now, err = t.underWay(); err != nil || now.number == 0 {
				return err
			}
			did, err = t.advance(now, n.together)
			return err
		}); err != nil {
			return settled, err
		}
		settled += did
	}
	return settled, nil
}

// underWay is the netting in parts that is not done; number is 0 for none.
type underWay struct {
	number  int64
	decided bool
}

func (t *txn) underWay() (now underWay, err error) {
	_, err = t.queryRow("SELECT n, decided_at IS NOT NULL FROM netting WHERE done_at IS NULL", nil,
		&now.number, &now.decided)
	return now, err
}

// beginNetting begins one; 0 when another is under way.
func (t *txn) beginNetting() (number int64, err error) {
	if now, err := t.underWay(); err != nil || now.number != 0 {
		return 0, err
	}
	if err := t.exec("INSERT INTO netting (begun_at) VALUES ($1)", t.stamp()); err != nil {
		return 0, err
	}
	return t.queryInt("SELECT max(n) FROM netting")
}

// take takes the claims that wallets pay, and sets aside what each pays more than it gets, if it
// has that. Claims that others have settled meanwhile are gone: their payees get so much less of
// the netting, and have it already, if they have not paid it on. Where somebody has not what he
// needs, nothing is taken.
func (t *txn) take(p *plan, part []*place) (out gone, held bool, err error) {
	if now, err := t.underWay(); err != nil || now != (underWay{number: p.number}) {
		return out, false, err
	}
	var wanted []claim
	var wallets []message.DeviceID
	for _, w := range part {
		wanted, wallets = append(wanted, w.claims...), append(wallets, w.wallet)
	}
	for _, c := range wanted {
		wallets = append(wallets, c.to)
	}
	all, err := t.numbered(wanted)
	if err != nil {
		return out, false, err
	}
	if err := t.loadWallets(wallets); err != nil {
		return out, false, err
	}
	byNumber, claims, _, err := t.claims(all)
	if err != nil {
		return out, false, err
	}
	waits := make(map[int64]claim, len(claims))
	for _, c := range claims {
		waits[c.n] = c
	}
	out.more = map[message.DeviceID]money.Ore{}
	for _, c := range wanted {
		if waits[c.n] == c {
			continue
		}
		if at := t.work.numbered[c.n]; at == nil || at.isOpen() {
			return out, false, nil
		}
		out.claims++
		out.more[c.from] -= c.amount
		out.more[c.to] += c.amount
	}
	if held, err = t.setAside(p, part, out); err != nil || !held {
		return out, false, err
	}
	for _, p := range byNumber {
		if err := t.changePayment(p, func(p *payment) { p.netting = locked }); err != nil {
			return out, false, err
		}
	}
	return out, true, nil
}

// setAside gives wallets their places, and sets aside what they pay more than they get without the
// claims that are gone; so also in those that had their places before. It changes nothing when one
// of them has not what it needs.
func (t *txn) setAside(p *plan, part []*place, out gone) (held bool, err error) {
	aside := map[message.DeviceID]money.Ore{}
	for _, w := range part {
		aside[w.wallet] = 0
	}
	for id := range out.more {
		if d, err := t.registered(id); err != nil {
			return false, err
		} else if d.place != 0 {
			aside[id] = 0
		}
	}
	for id := range aside {
		d, err := t.registered(id)
		if err != nil {
			return false, err
		}
		available, err := t.available(d)
		if err != nil {
			return false, err
		}
		aside[id] = max(p.of[id].more+out.more[id], 0)
		if d.place != 0 && d.place != p.of[id].number || available+d.netted < aside[id] {
			return false, nil
		}
	}
	for id, amount := range aside {
		if err := t.update(id, func(d *device) {
			d.place, d.netted = p.of[id].number, amount
		}); err != nil {
			return false, err
		}
	}
	return true, nil
}

// numbered reads the payments of claims, in order of arrival.
func (t *txn) numbered(claims []claim) (all []*payment, err error) {
	keys := store.Set{Columns: []store.Field{{Name: "n", Type: store.BigInt}}}
	for _, c := range claims {
		keys.Add(c.n)
	}
	err = t.find(&keys, func(row store.Row) error {
		p, err := scanPayment(row)
		all = append(all, t.work.adopt(p))
		return err
	}, paymentColumns+"WHERE p.n = $1")
	slices.SortFunc(all, byArrival)
	return all, err
}

// loadWallets reads devices and what their wallets hold.
func (t *txn) loadWallets(ids []message.DeviceID) error {
	if err := t.loadDevices(ids...); err != nil {
		return err
	}
	return t.loadBalances(sorted(slices.Clone(ids)))
}

// decideNetting decides a netting for which everything is taken; else it is given back.
func (t *txn) decideNetting(p *plan) error {
	now, err := t.underWay()
	if err != nil || now != (underWay{number: p.number}) {
		return err
	}
	for query, want := range map[string]int{
		"SELECT count(*) FROM device WHERE netting > 0":                   len(p.places),
		"SELECT count(*) FROM payment WHERE netting > 0":                  p.claims,
		"SELECT count(*) FROM payment WHERE netting > 0 AND netting <> 1": 0,
	} {
		if got, err := t.queryInt(query); err != nil || got != int64(want) {
			return err
		}
	}
	return t.exec("UPDATE netting SET decided_at = $1 WHERE n = $2", t.stamp(), p.number)
}

// advance does the next part of the netting under way, or ends it when nothing of it is left.
func (t *txn) advance(now underWay, together int) (settled int, err error) {
	// who pays more than it gets comes first
	wallets, err := store.Column[message.DeviceID](t.ctx, t.tx,
		"SELECT id FROM device WHERE netted > 0 ORDER BY netting LIMIT $1", together)
	if err == nil && len(wallets) == 0 {
		wallets, err = store.Column[message.DeviceID](t.ctx, t.tx,
			"SELECT id FROM device WHERE netting > 0 ORDER BY netting LIMIT $1", together)
	}
	switch {
	case err != nil:
		return 0, err
	case len(wallets) == 0:
		return 0, t.exec("UPDATE netting SET done_at = $1 WHERE n = $2", t.stamp(), now.number)
	}
	all, err := t.takenOf(wallets)
	if err != nil {
		return 0, err
	}
	wallets, all = firstOf(wallets, all, 2*together)
	if !now.decided {
		return 0, t.giveBack(wallets, all)
	}
	return t.movePart(now.number, wallets, all)
}

// takenOf reads the claims that the netting under way has taken from wallets or for them.
func (t *txn) takenOf(wallets []message.DeviceID) ([]*payment, error) {
	if err := t.loadWallets(wallets); err != nil {
		return nil, err
	}
	if err := t.loadOpen(wallets); err != nil {
		return nil, err
	}
	all := map[int64]*payment{}
	for _, id := range wallets {
		for _, p := range t.work.open[id] {
			if p.isOpen() && p.netting != free {
				all[p.n] = p
			}
		}
	}
	return inOrder(all), nil
}

// firstOf returns the first wallets that have so many claims together, or one, and their claims.
func firstOf(
	wallets []message.DeviceID, all []*payment, most int,
) ([]message.DeviceID, []*payment) {
	of := map[message.DeviceID]int{}
	for _, p := range all {
		of[p.payer]++
		of[p.payee]++
	}
	n := 0
	for claims := 0; n < len(wallets); n++ {
		if claims += of[wallets[n]]; n > 0 && claims > most {
			break
		}
	}
	mine := setOfWallets(wallets[:n])
	return wallets[:n], slices.DeleteFunc(all,
		func(p *payment) bool { return !mine[p.payer] && !mine[p.payee] })
}

// giveBack gives back what was taken of wallets, and has looked at what may move again.
func (t *txn) giveBack(wallets []message.DeviceID, all []*payment) error {
	mine := setOfWallets(wallets)
	for _, p := range all {
		if !mine[p.payer] {
			continue
		}
		if err := t.changePayment(p, func(p *payment) { p.netting = free }); err != nil {
			return err
		}
		t.touched.payment(p.n)
	}
	for _, id := range wallets {
		if err := t.leavePlace(id); err != nil {
			return err
		}
		t.touched.device(id)
	}
	return nil
}

func (t *txn) leavePlace(id message.DeviceID) error {
	return t.update(id, func(d *device) { d.place, d.netted = 0, 0 })
}

func setOfWallets(wallets []message.DeviceID) map[message.DeviceID]bool {
	set := make(map[message.DeviceID]bool, len(wallets))
	for _, id := range wallets {
		set[id] = true
	}
	return set
}

// movePart carries out all halves of wallets, in one ledger order.
func (t *txn) movePart(
	number int64, wallets []message.DeviceID, all []*payment,
) (settled int, err error) {
	mine := setOfWallets(wallets)
	var requests []requestKey
	for _, p := range all {
		requests = append(requests, p.about())
	}
	if err := t.loadRequests(requests...); err != nil { // countPaid asks for each
		return 0, err
	}
	first, err := t.registered(wallets[0])
	if err != nil {
		return 0, err
	}
	m := movement{key: fmt.Sprintf("netting:%d:%d", number, first.place)}
	var toClearing money.Ore
	more := map[message.DeviceID]money.Ore{} // what each gets more than it pays
	for _, p := range all {
		if p.netting == debited && mine[p.payer] || p.netting == credited && mine[p.payee] {
			return 0, fmt.Errorf("netting %d: a half of payment %d has moved before its wallet's "+
				"turn", number, p.n)
		}
		if mine[p.payer] {
			payer, err := t.registered(p.payer)
			if err != nil {
				return 0, err
			}
			t.fromShadow(&m, p, payer, p.amount)
			toClearing, more[p.payer] = toClearing+p.amount, more[p.payer]-p.amount
		}
		if mine[p.payee] {
			if err := t.toPayee(&m, p); err != nil {
				return 0, err
			}
			toClearing, more[p.payee] = toClearing-p.amount, more[p.payee]+p.amount
		}
	}
	for _, id := range wallets {
		d, err := t.registered(id)
		if err != nil {
			return 0, err
		}
		if d.netted != max(-more[id], 0) {
			return 0, fmt.Errorf("netting %d: the wallet of %s has set aside %s, and pays %s more "+
				"than it gets", number, id, d.netted, -more[id])
		}
		if err := t.leavePlace(id); err != nil {
			return 0, err
		}
		t.touched.device(id) // what it owes to others than wallets may move now
	}
	if len(all) == 0 { // others have settled all of theirs
		return 0, nil
	}
	m.line(clearingAccount, toClearing)
	if err := t.move(m); err != nil {
		return 0, err
	}
	for _, p := range all {
		did, err := t.concludeHalves(p, mine[p.payer], mine[p.payee])
		if err != nil {
			return 0, err
		}
		if did {
			settled++
		}
	}
	return settled, nil
}

// concludeHalves notes halves of a claim that were carried out. With the second its verdict is
// final.
func (t *txn) concludeHalves(p *payment, payer, payee bool) (final bool, err error) {
	final = payer && payee || p.netting != locked
	if err := t.changePayment(p, func(p *payment) {
		if payer {
			p.fromShadow = p.amount
		}
		switch {
		case final:
			p.netting, p.verdict, p.finalAt = free, notary.Settled, t.stamp()
		case payer:
			p.netting = debited
		default:
			p.netting = credited
		}
	}); err != nil {
		return false, err
	}
	if final {
		t.touched.device(p.payer) // a claim less on it
	}
	if payer {
		if err := t.update(p.payer, func(d *device) { d.sums.unpaid -= p.amount }); err != nil {
			return false, err
		}
	}
	if payee {
		err = t.countPaid(p, notary.Settled)
	}
	return final, err
}
