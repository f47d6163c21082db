package settlement

import (
	"context"
	"fmt"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// ReportLost implements notary.Participant.
func (p participant) ReportLost(ctx context.Context, id message.DeviceID) error {
	return p.n.change(ctx, func(t *txn) error {
		d, err := t.ownDevice(p.from, id)
		if err != nil || d.status != notary.Active {
			return err
		}
		if err := t.exec("UPDATE device SET status = $1, reported_at = $2 WHERE id = $3",
			int(notary.Reported), t.stamp(), id); err != nil {
			return err
		}
		return t.revoke(id)
	})
}

// End implements notary.Participant.
func (p participant) End(ctx context.Context, id message.DeviceID) error {
	return p.endReported(ctx, id, func(t *txn, d *device) error {
		until, err := p.n.honouredUntil(d)
		if err != nil {
			return err
		}
		if t.now.Before(until) {
			return notary.Refuse(notary.WrongStatus,
				"claims on device %s are honoured until %s; end it then, for good", id,
				until.Format(time.RFC3339))
		}
		return t.end(id, "reported lost")
	})
}

// honouredUntil returns until when claims on a device are honoured that was reported lost.
func (n *Notary) honouredUntil(d *device) (time.Time, error) {
	reported, err := time.Parse(time.RFC3339Nano, d.reportedAt.String)
	if err != nil {
		return time.Time{}, store.Failed(err)
	}
	return reported.Add(n.terms.Honour), nil
}

// EndNow implements notary.Participant.
func (p participant) EndNow(ctx context.Context, id message.DeviceID) error {
	return p.endReported(ctx, id,
		func(t *txn, _ *device) error { return t.end(id, "reported lost, ended before its time") })
}

// endReported calls end for a device of the caller that was reported lost and has not ended.
func (p participant) endReported(
	ctx context.Context, id message.DeviceID, end func(t *txn, d *device) error,
) error {
	return p.n.change(ctx, func(t *txn) error {
		d, err := t.ownDevice(p.from, id)
		if err != nil || d.status == notary.Ended {
			return err
		}
		if d.status == notary.Active {
			return notary.Refuse(notary.WrongStatus, "device %s is in use; only one that was "+
				"reported lost, which cannot be undone, can end", id)
		}
		return end(t, d)
	})
}

// EndDue implements notary.Operator.
func (n *Notary) EndDue(ctx context.Context) (ended []notary.EndedDevice, err error) {
	err = n.change(ctx, func(t *txn) error {
		t.touched.everything = true // once a day, beside what has ended
		// At most a page, so that neither transaction nor answer grows without bound.
		ended = nil
		for _, rule := range []struct {
			why, condition string
			args           []any
		}{
			{"reported lost", "status = 1 AND reported_at <= $1", []any{t.before(n.terms.Honour)}},
			{"silent past its certificate's end", "status = 0 AND role <> $1 AND expires < $2 " +
				"AND substr(coalesce(synced_at, registered_at), 1, 10) <= expires",
				[]any{int(spec.RoleDesk), message.DateOf(t.now.Add(-n.terms.Honour)).String()}},
			{"claims waited too long", `status = 0 AND coalesce(synced_at, registered_at) <= $1 AND
				EXISTS (SELECT 1 FROM payment p JOIN payee_decision w
				ON w.payee = p.payee AND w.request = p.request AND w.payment = p.identity WHERE p.payer = device.id AND p.verdict = 2 AND
				p.requested AND p.signature = 0 AND w.at <= $2)`,
				[]any{t.before(n.terms.Wait), t.before(n.terms.Wait)}},
			{"has not repaid the pool", `status = 0 AND lent > 0 AND lent_since <= $1 AND
				coalesce(synced_at, registered_at) <= lent_since`,
				[]any{t.before(n.terms.Wait)}},
		} {
			if err := t.flush(); err != nil {
				return err
			}
			due, err := store.All(t.ctx, t.tx,
				func(row store.Row) (notary.EndedDevice, error) {
					d := notary.EndedDevice{Why: rule.why}
					return d, row.Scan(&d.Device, &d.Owner)
				}, fmt.Sprintf("SELECT id, owner FROM device WHERE %s ORDER BY id LIMIT %d",
					rule.condition, notary.MaxPage-len(ended)), rule.args...)
			if err != nil {
				return err
			}
			for _, d := range due {
				if err := t.end(d.Device, d.Why); err != nil {
					return err
				}
			}
			ended = append(ended, due...)
		}
		return nil
	})
	if err == nil {
		_, err = n.NetLarge(ctx)
	}
	return ended, err
}

// before returns the stamp of a moment that long ago.
func (t *txn) before(ago time.Duration) string { return t.now.Add(-ago).Format(store.StampLayout) }

func (t *txn) end(id message.DeviceID, why string) error {
	t.touched.device(id)
	if err := t.exec("UPDATE device SET status = $1, ended_at = $2, ended_why = $3 WHERE id = $4 "+
		"AND status <> $1", int(notary.Ended), t.stamp(), why, id); err != nil {
		return err
	}
	return t.revoke(id)
}

// revoke puts a device on the terminals' list, once.
func (t *txn) revoke(id message.DeviceID) error {
	return t.exec("INSERT INTO revocation (device, at) VALUES ($1, $2) ON CONFLICT (device) DO "+
		"NOTHING", id, t.stamp())
}

// recordConflict keeps two decisions of one device that exclude each other. For a clone (two bodies
// for one record, a State of another chain) it ends the device at once; for a payee that
// contradicts itself on one Request it is only recorded.
func (t *txn) recordConflict(
	id message.DeviceID, kind string, held, contrary []byte, clone bool,
) error {
	if err := t.exec("INSERT INTO evidence (device, kind, clone, first, second, at) VALUES ($1, "+
		"$2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
		id, kind, clone, held, contrary, t.stamp()); err != nil || !clone {
		return err
	}
	return t.end(id, "cloned: "+kind)
}

// sweep pays out what the ended ones among devices have left or receive in their shadow wallets:
// first back to the pool and the holding that paid their claims, then to their owners. A device on
// which a known claim still waits, for cover or for its payee's decision, keeps it for that.
func (t *txn) sweep(devices []message.DeviceID) (moved bool, err error) {
	var ended []message.DeviceID
	for _, id := range devices {
		if ended, err := t.hasEnded(id); err != nil || !ended {
			if err != nil {
				return false, err
			}
			continue
		}
		due, err := t.queryInt("SELECT count(*) FROM ("+endedWithMoney+" AND d.id = $5) AS due",
			append(dueForSweep[:len(dueForSweep):len(dueForSweep)], id)...)
		if err != nil {
			return false, err
		}
		if due > 0 {
			ended = append(ended, id)
		}
	}
	for _, id := range ended {
		d, err := t.registered(id)
		if err != nil {
			return false, err
		}
		available, err := t.available(d)
		if err != nil {
			return false, err
		}
		if available <= 0 {
			continue
		}
		moved = true
		if err := t.sweepOne(d, available); err != nil {
			return false, err
		}
	}
	return moved, nil
}

// endedWithMoney finds the devices that have ended, have money, and owe it to nobody; its arguments
// are dueForSweep.
const endedWithMoney = `SELECT d.id FROM device d JOIN
	ledger_account a ON a.name = 'shadow:' || d.id WHERE d.status = $1 AND a.balance > 0
	AND NOT EXISTS (SELECT 1 FROM payment p LEFT JOIN payee_decision w ON w.payee = p.payee AND
	w.request = p.request WHERE p.payer = d.id AND p.verdict IN (1, 2)
		AND p.verdict = $2 AND p.requested AND p.signature IN ($3, $4) AND (w.payment =
		p.identity OR w.payee IS NULL AND p.signature = $3))`

var dueForSweep = []any{int(notary.Ended), int(notary.Waiting), int(recorded), int(conflicting)}

func (t *txn) sweepOne(d *device, available money.Ore) error {
	toPool := min(available, d.poolDebt)
	toHolding := min(available-toPool, d.holdingDebt)
	toOwner := available - toPool - toHolding
	m := movement{key: fmt.Sprintf("sweep:%s:%d", d.id, d.sweeps+1)}
	m.line(shadowOf(d.id), -available)
	m.line(poolAccount, toPool)
	m.line(onlineOf(d.intermediary), toHolding+toOwner)
	if toPool > 0 {
		m.addStatementEntry(d.intermediary,
			notary.Entry{Kind: notary.PoolRepaid, Device: d.id, Owner: d.owner, Shadow: -toPool})
	}
	if toHolding > 0 {
		m.addStatementEntry(d.intermediary,
			notary.Entry{Kind: notary.HoldingRepaid, Device: d.id, Owner: d.owner,
				Online: toHolding, Shadow: -toHolding})
	}
	if toOwner > 0 {
		m.addStatementEntry(d.intermediary,
			notary.Entry{Kind: notary.Swept, Device: d.id, Owner: d.owner, Online: toOwner,
				Shadow: -toOwner})
	}
	if err := t.move(m); err != nil {
		return err
	}
	return t.update(d.id, func(d *device) {
		d.sweeps++
		d.poolDebt, d.holdingDebt = d.poolDebt-toPool, d.holdingDebt-toHolding
	})
}
