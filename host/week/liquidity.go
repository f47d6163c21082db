package week

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/limit"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Liquidity is what is done so that claims on cards that have not synchronised need not wait. With
// nothing of it they are in the notary's queue, which nets them.
type Liquidity struct {
	Provenance bool      `json:"provenance,omitempty"`   // phones hand over what funded payments
	PoolCap    money.Ore `json:"pool_cap_ore,omitempty"` // up to which the pool pays ahead
	// Locked: cards do not pay with what they received and have not synchronised
	Locked bool `json:"locked,omitempty"`
}

// terms are those of the notary.
func (l Liquidity) terms() notary.Terms {
	return notary.Terms{Honour: honour, Wait: patience,
		PoolAhead: notary.PoolAhead{Cap: l.PoolCap}}
}

// change changes what cards are made with.
func (l Liquidity) change(t *terms) {
	if l.Locked {
		t.card.Ceilings.Flags &^= spec.FlagSpendReceived
	}
}

// Claims are the accepted payments that the notary learned of, what became of those that waited,
// and what it cost that others did not.
type Claims struct {
	Count   int           `json:"claims"`
	Waited  int           `json:"waited"`
	Median  time.Duration `json:"median_wait_ns"` // of those that waited
	Longest time.Duration `json:"longest_wait_ns"`
	// PoolMost is the most that the pool had lent at once.
	PoolMost money.Ore `json:"pool_most_ore"`
	// Carried are the bytes of records of others that went from a phone to a phone or terminal, in
	// all and beside one payment at most.
	Carried     int `json:"carried_bytes"`
	CarriedMost int `json:"carried_most_bytes"`
	// Refused are payments that cards refused since the money had not synchronised.
	Refused int `json:"refused"`
	// AtBanks counts payments that an intermediary saw which is neither its payer's nor its
	// payee's, AtOthers those that a payee's phone or terminal saw that had no part in it; for each
	// of them that saw it.
	AtBanks  int `json:"seen_by_other_banks"`
	AtOthers int `json:"seen_by_other_payees"`
}

// watch counts what shows only while it happens.
type watch struct {
	mu     sync.Mutex
	claims Claims
	seen   map[sighting]bool
}

// sighting is somebody who saw a payment that was not theirs.
type sighting struct{ who, payment string }

func newWatch() *watch { return &watch{seen: map[sighting]bool{}} }

// atBank notes what a phone or terminal hands over to a bank.
func (o *watch) atBank(bank message.Name, messages [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, encoded := range messages {
		record, err := message.ParseRecord(encoded)
		if err != nil || record.Payment == nil || bank == record.Payment.Payer.Name() ||
			bank == record.Payment.Request.Payee.Name() {
			continue
		}
		o.claims.AtBanks += o.first(string(bank), record.Payment)
	}
}

// handed notes what a payer's phone gives to a payee beside a payment.
func (o *watch) handed(payee message.DeviceID, records [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := len(bytes.Join(records, nil))
	o.claims.Carried += size
	o.claims.CarriedMost = max(o.claims.CarriedMost, size)
	for _, encoded := range records {
		record, err := message.ParseRecord(encoded)
		if err != nil || record.Payment.Payer == payee || record.Receipt.Payee == payee {
			continue
		}
		o.claims.AtOthers += o.first(string(payee), record.Payment)
	}
}

// first returns 1 when somebody sees a payment for the first time, 0 otherwise.
func (o *watch) first(who string, p *message.Payment) int {
	s := sighting{who, fmt.Sprintf("%s/%d", p.Payer, p.ATC)}
	if o.seen[s] {
		return 0
	}
	o.seen[s] = true
	return 1
}

// lockedMoney is why a card refuses to pay with what it received and has not synchronised.
const lockedMoney = What(limit.Received)

// refused notes a payment that a card refused.
func (o *watch) refused(r Reason) {
	if r.What != lockedMoney {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.claims.Refused++
}

// lent notes what the pool has lent by now.
func (w *world) lent(ctx context.Context) error {
	lent, err := store.Number(ctx, w.centralDB, `SELECT lent FROM pool_ahead`)
	w.watch.claims.PoolMost = max(w.watch.claims.PoolMost, money.Ore(lent))
	return err
}

// claims returns what became of the claims: each waits from when the notary knew the Payment and
// that its payee has accepted it, until it is paid.
func (w *world) claims(ctx context.Context) (Claims, error) {
	c := w.watch.claims
	var waits []time.Duration
	err := store.Each(ctx, w.centralDB, func(row store.Row) error {
		var stamps [3]string
		if err := row.Scan(&stamps[0], &stamps[1], &stamps[2]); err != nil {
			return err
		}
		var at [3]time.Time
		for n, stamp := range stamps {
			var err error
			if at[n], err = time.Parse(time.RFC3339Nano, stamp); err != nil {
				return err
			}
		}
		known, paid := at[0], at[2]
		if at[1].After(known) {
			known = at[1]
		}
		c.Count++
		if wait := paid.Sub(known); wait > 0 {
			waits = append(waits, wait)
		}
		return nil
	}, `SELECT p.seen_at, d.at, p.final_at FROM payment p JOIN payee_decision d ON
		d.payee = p.payee AND d.request = p.request AND d.payment = p.identity
		WHERE p.final_at IS NOT NULL`)
	slices.Sort(waits)
	if c.Waited = len(waits); c.Waited > 0 {
		c.Median, c.Longest = waits[c.Waited/2], waits[c.Waited-1]
	}
	return c, err
}
