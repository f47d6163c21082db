package settlement

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// SignCrisisOrder implements notary.Operator. One transaction.
func (n *Notary) SignCrisisOrder(
	ctx context.Context, s notary.CrisisSigning,
) (signed []byte, err error) {
	if _, err := notary.ParseOrderKey(s.By); err != nil {
		return nil, notary.Refuse(notary.Malformed, "who asks for a crisis order's signature: %v",
			err)
	}
	order, identity, err := parse[message.CrisisOrder](s.Order)
	if err != nil {
		return nil, err
	}
	key, err := cvc.Parse(s.CrisisKey)
	if err != nil {
		return nil, notary.Refuse(notary.Malformed, "certificate of the crisis key: %v", err)
	}
	err = n.change(ctx, func(t *txn) error {
		var held []byte
		known, err := t.queryRow("SELECT identity, bytes FROM crisis_order WHERE number = $1",
			[]any{order.Number}, &held, &signed)
		switch {
		case err != nil:
			return err
		case known && message.Hash(held) == identity:
			return nil
		case known:
			return notary.Refuse(notary.Taken, "crisis order %d has another body already; take "+
				"the next number", order.Number)
		}
		if err := n.checkCrisis(t, order, key); err != nil {
			return err
		}
		whole := *order // the transaction may run again, from the original
		if err := message.SignAs(&whole, message.ByNotary, n.key); err != nil {
			return fmt.Errorf("notary key: %w", err)
		}
		if signed, err = message.Encode(&whole); err != nil {
			return notary.Refuse(notary.Malformed, "crisis order %d: %v", order.Number, err)
		}
		if err := t.exec("INSERT INTO crisis_key (reference, certificate, expires) VALUES ($1, "+
			"$2, $3) ON CONFLICT (reference) DO NOTHING", string(key.Holder), s.CrisisKey,
			key.Expiry.String()); err != nil {
			return err
		}
		t.touched.cover = true // its payees may be helped to more
		return t.exec(`INSERT INTO crisis_order (number, identity, bytes, crisis_key, notary,
			signed_by, signed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`, order.Number, identity[:],
			signed, string(key.Holder), n.certificate, s.By, t.stamp())
	})
	return signed, err
}

// checkCrisis checks a crisis order that has no row yet.
func (n *Notary) checkCrisis(t *txn, order *message.CrisisOrder, key *cvc.Certificate) error {
	if err := n.checkCrisisKey(t, key); err != nil {
		return err
	}
	last, err := t.queryInt("SELECT max(number) FROM crisis_order")
	if err != nil {
		return err
	}
	bad := func(kind notary.Kind, format string, args ...any) error {
		return notary.Refuse(kind, "crisis order %d "+format,
			append([]any{order.Number}, args...)...)
	}
	switch today := message.DateOf(t.now); {
	case string(order.CrisisKey) != string(key.Holder):
		return bad(notary.Certificate, "names the crisis key %s, not %s", order.CrisisKey,
			key.Holder)
	case message.VerifyAs(order, message.ByCrisisKey, key.PublicKey) != nil:
		return bad(notary.Signature, "is not signed by %s", key.Holder)
	case order.Notary != n.reference:
		return bad(notary.Unknown, "names notary %s; this is %s", order.Notary, n.reference)
	case int64(order.Number) != last+1:
		return bad(notary.Sequence, "is not the next: that is %d", last+1)
	case order.Until.Before(today):
		return bad(notary.Date, "is over since %s", order.Until)
	case order.Until.After(order.From.AddDays(notary.MaxCrisisDays)):
		return bad(notary.Date, "lasts from %s to %s: at most %d days after its first", order.From,
			order.Until, notary.MaxCrisisDays)
	case order.Until.After(key.Expiry), order.Until.After(n.expires):
		return bad(notary.Date, "ends on %s, after a signer's certificate (%s, %s)", order.Until,
			key.Expiry, n.expires)
	}
	joined, err := t.intermediaries()
	if err != nil {
		return err
	}
	if err := notary.CheckRows(order.Rows, joined); err != nil {
		return err
	}
	return notary.CrisisLimitsOf(n.terms.CrisisMost).Check(order.Rows)
}

// intermediaries returns those that have joined, by name.
func (t *txn) intermediaries() ([]message.Name, error) {
	return store.Column[message.Name](t.ctx, t.tx, "SELECT name FROM intermediary ORDER BY name")
}

// checkCrisisKey checks that the root certified the key, and that none was seen which a device
// would prefer: what is signed by a former one, no card takes any more.
func (n *Notary) checkCrisisKey(t *txn, key *cvc.Certificate) error {
	if err := key.VerifyBy(n.roots.Current()); err != nil {
		return notary.Refuse(notary.Certificate, "crisis key %s: %v", key.Holder, err)
	}
	if key.Role != spec.RoleCrisisKey {
		return notary.Refuse(notary.Certificate, "%s is a %s, not a crisis key", key.Holder,
			key.Role)
	}
	var newest string
	var raw []byte
	known, err := t.queryRow("SELECT reference, certificate FROM crisis_key ORDER BY expires DESC "+
		"LIMIT 1", nil, &newest, &raw)
	if err != nil || !known {
		return err
	}
	former, err := cvc.Parse(raw)
	switch {
	case err != nil:
		return store.Failed(err)
	case former.Holder == key.Holder && !former.PublicKey.Equal(key.PublicKey):
		return notary.Refuse(notary.Certificate, "%s stands for another crisis key", key.Holder)
	case former.Holder != key.Holder && !key.Expiry.After(former.Expiry):
		return notary.Refuse(notary.Certificate, "crisis key %s ends on %s, not after %s, which "+
			"ends on %s: no card takes it", key.Holder, key.Expiry, former.Holder, former.Expiry)
	}
	return nil
}

// crisisRow is an order of the table, parsed.
type crisisRow struct {
	*message.CrisisOrder
	signedAt string
}

func (t *txn) crisisOrders() (all []crisisRow, err error) {
	if t.work.crisisRead {
		return t.work.crisis, nil
	}
	all, err = store.All(t.ctx, t.tx, func(row store.Row) (c crisisRow, err error) {
		var raw []byte
		if err := row.Scan(&raw, &c.signedAt); err != nil {
			return c, err
		}
		c.CrisisOrder, err = message.Parse[message.CrisisOrder](raw)
		return c, err
	}, "SELECT bytes, signed_at FROM crisis_order ORDER BY number")
	t.work.crisis, t.work.crisisRead = all, err == nil
	return all, err
}

// latest returns the place of the order with the highest number that has begun, or -1.
func latest(orders []crisisRow, today message.Date) int {
	for i := len(orders) - 1; i >= 0; i-- {
		if !orders[i].From.After(today) {
			return i
		}
	}
	return -1
}

// lowestOrder returns the number that Instructions name: that of the latest order that has begun,
// which cards keep and whose forerunners they drop; once it is over, the next. After a theft of
// both keys the same order is signed twice, the second time under the next notary key: the first of
// the two stays good.
func lowestOrder(orders []crisisRow, today message.Date) uint32 {
	i := latest(orders, today)
	if i < 0 {
		return 1
	}
	if !orders[i].CountsOn(today) {
		return orders[i].Number + 1
	}
	for ; i > 0 && isTwin(orders[i-1].CrisisOrder, orders[i].CrisisOrder); i-- {
	}
	return orders[i].Number
}

// isTwin reports whether two orders differ in number and notary only.
func isTwin(a, b *message.CrisisOrder) bool {
	if a.Notary == b.Notary || a.CrisisKey != b.CrisisKey || a.From != b.From ||
		a.Until != b.Until || len(a.Rows) != len(b.Rows) {
		return false
	}
	for i := range a.Rows {
		if a.Rows[i] != b.Rows[i] {
			return false
		}
	}
	return true
}

// carriedCrisis returns what devices carry now: the latest order that has begun, until it is over,
// with its signers' certificates; and the newest crisis key always. An order before its first day
// is given to nobody: it would take the place of the one in force.
func (t *txn) carriedCrisis(orders []crisisRow) (c crisis.Carried, err error) {
	if _, err := t.queryRow("SELECT certificate FROM crisis_key ORDER BY expires DESC LIMIT 1", nil,
		&c.CrisisKey); err != nil {
		return c, err
	}
	today := message.DateOf(t.now)
	if i := latest(orders, today); i >= 0 && orders[i].CountsOn(today) {
		_, err = t.queryRow("SELECT bytes, notary FROM crisis_order WHERE number = $1",
			[]any{orders[i].Number}, &c.Order, &c.Notary)
	}
	return c, err
}

// checkOrderNumber checks what an Instruction says of crisis orders.
func (t *txn) checkOrderNumber(i *message.Instruction, group uint8) error {
	orders, err := t.crisisOrders()
	if err != nil {
		return err
	}
	if lowest := lowestOrder(orders, message.DateOf(t.now)); i.OrderNumber != lowest ||
		i.Group != group {
		return notary.Refuse(notary.Policy, "Instruction %d of %s names crisis order %d and group "+
			"%d; the lowest is %d, the group %d: ask for what is outstanding", i.Sequence, i.Device,
			i.OrderNumber, i.Group, lowest, group)
	}
	return nil
}

// SetGroup implements notary.Participant.
func (p participant) SetGroup(ctx context.Context, id message.DeviceID, group uint8) error {
	return p.n.change(ctx, func(t *txn) error {
		d, err := t.ownDevice(p.from, id)
		if err != nil {
			return err
		}
		t.touched.payees[id] = true // rows of the group may help it to more
		return t.exec("UPDATE device SET card_group = $1 WHERE id = $2", group, d.id)
	})
}

// CrisisOrders implements notary.Operator.
func (n *Notary) CrisisOrders(
	ctx context.Context, page notary.CrisisPage,
) (report notary.CrisisReport, err error) {
	if err := errors.Join(checkPage(page.Limit), checkTexts(page.After)); err != nil {
		return report, err
	}
	before := int64(page.Before)
	if before == 0 {
		before = math.MaxInt64
	}
	err = n.view(ctx, func(t *txn) error {
		report = notary.CrisisReport{Notary: n.certificate,
			Most: notary.CrisisLimitsOf(n.terms.CrisisMost)}
		orders, err := t.crisisOrders()
		if err != nil {
			return err
		}
		if report.Intermediaries, err = t.intermediaries(); err != nil {
			return err
		}
		report.Groups, err = store.All(t.ctx, t.tx,
			func(row store.Row) (g notary.CardGroup, err error) {
				return g, row.Scan(&g.Name, &g.Group)
			}, `SELECT DISTINCT intermediary, card_group FROM device WHERE card_group > 0
				ORDER BY intermediary, card_group`)
		if err != nil {
			return err
		}
		report.Lowest = lowestOrder(orders, message.DateOf(t.now))
		report.Next = uint32(len(orders)) + 1
		report.Orders, err = store.All(t.ctx, t.tx,
			func(row store.Row) (o notary.CrisisOrder, err error) {
				var at string
				if err := row.Scan(&o.Number, &o.Order, &o.CrisisKey, &o.Notary, &o.By, &at,
					&o.Held); err != nil {
					return o, err
				}
				o.At, err = time.Parse(time.RFC3339Nano, at)
				return o, err
			}, `SELECT number, bytes, k.certificate, notary, signed_by, signed_at,
				(SELECT count(*) FROM device d WHERE d.order_held = o.identity AND d.status = $1)
				FROM crisis_order o JOIN crisis_key k ON k.reference = o.crisis_key
				WHERE number < $2 ORDER BY number DESC LIMIT $3`, int(notary.Active), before,
			page.Limit)
		if err != nil {
			return err
		}
		devices, err := t.queryInt("SELECT count(*) FROM device WHERE order_held IS NOT NULL AND "+
			"status = $1", int(notary.Active))
		if err != nil {
			return err
		}
		report.Devices = int(devices)
		report.Foreign, err = store.Column[message.DeviceID](t.ctx, t.tx, `SELECT id FROM device
			WHERE order_held IS NOT NULL AND order_held <> $1
			AND order_held NOT IN (SELECT identity FROM crisis_order) AND id > $2
			ORDER BY id LIMIT $3`, make([]byte, spec.HashLength), page.After, page.Limit)
		return err
	})
	return report, err
}

// crisisFor returns the rows for a device of the orders that it can have had for records after
// acknowledgement after, up to the one around record seq: those that the notary had signed by then,
// from the lowest number on that the device knew of, for the groups that it was in by then. What a
// later Instruction told counts from the records on that the device wrote after it was told, and,
// of one later than told, not for what it had asked for before.
func (t *txn) crisisFor(
	d *device, after, seq, told int64,
) ([]message.CrisisRow, error) {
	orders, err := t.crisisOrders()
	if err != nil || len(orders) == 0 {
		return nil, err
	}
	lowest, err := t.queryInt("SELECT lowest_order FROM instruction WHERE device = $1 AND "+
		"applied_atc <= $2 AND seq <= $3 ORDER BY seq DESC LIMIT 1", d.id, after, told)
	if err != nil {
		return nil, err
	}
	closing, closed := int64(math.MaxInt64), "" // the acknowledgement that ends the time
	if _, err := t.queryRow("SELECT seq, signed_at FROM instruction WHERE device = $1 AND "+
		"acked_atc >= $2 ORDER BY seq LIMIT 1", []any{d.id, seq}, &closing, &closed); err != nil {
		return nil, err
	}
	groups, err := t.groupsBefore(d, closing)
	if err != nil {
		return nil, err
	}
	var rows []message.CrisisRow
	for _, o := range orders {
		if int64(o.Number) < lowest || closed != "" && o.signedAt > closed {
			continue
		}
		for _, group := range groups {
			if row, fits := o.Row(d.intermediary, group); fits {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// groupsBefore returns the groups that a card can have been in before it took an Instruction. Until
// its first one it has group 0, or that of its personalization.
func (t *txn) groupsBefore(d *device, instruction int64) ([]uint8, error) {
	told, err := store.Column[uint8](t.ctx, t.tx, `SELECT DISTINCT card_group FROM instruction
		WHERE device = $1 AND seq < $2 ORDER BY card_group`, d.id, instruction)
	if err == nil && len(told) == 0 {
		told, err = store.Column[uint8](t.ctx, t.tx,
			"SELECT card_group FROM device WHERE id = $1", d.id)
	}
	return append(told, 0), err
}

// mostHelp returns what an honest card can accept between two acknowledgements by a policy: what it
// holds at the end, and what it paid.
func mostHelp(p message.Policy) money.Ore { return p.MaxBalance + p.MaxSpent }
