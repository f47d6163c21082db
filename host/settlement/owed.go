package settlement

import (
	"context"
	"maps"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Outstanding implements notary.Participant.
func (p participant) Outstanding(
	ctx context.Context, id message.DeviceID,
) (o notary.Outstanding, err error) {
	err = p.n.view(ctx, func(t *txn) error {
		if _, err := t.ownDevice(p.from, id); err != nil {
			return err
		}
		o, err = p.n.owed(t, id)
		return err
	})
	return o, err
}

// owed returns what a registered device is owed.
func (n *Notary) owed(t *txn, id message.DeviceID) (o notary.Outstanding, err error) {
	d, err := t.registered(id)
	if err != nil {
		return o, err
	}
	o = notary.Outstanding{HeldATC: d.heldATC, HeldHead: [32]byte(d.heldHead), Status: d.status,
		Group: d.group}
	if d.status == notary.Reported {
		if o.HonouredUntil, err = n.honouredUntil(d); err != nil {
			return o, err
		}
	}
	last, err := t.last(id)
	if err != nil {
		return o, err
	}
	if last.isOutstanding() {
		o.Instruction, o.Order = last.encoded, last.order
	}
	o.NextSeq, o.AckedATC, o.LastGroup = last.next(), last.acked, last.group
	all, err := t.owedToAll()
	if err != nil {
		return o, err
	}
	o.LowestOrder, o.Crisis, o.CAs = all.lowestOrder, all.crisis, all.authorities
	o.Handovers, err = t.handovers(id)
	return o, err
}

// owedToAll is what every device is told.
type owedToAll struct {
	lowestOrder uint32
	crisis      crisis.Carried
	authorities [][]byte // 7F21 of the intermediaries' CAs
}

// owedToAll reads it once.
func (t *txn) owedToAll() (*owedToAll, error) {
	if t.work.toAll != nil {
		return t.work.toAll, nil
	}
	orders, err := t.crisisOrders()
	if err != nil {
		return nil, err
	}
	all := &owedToAll{lowestOrder: lowestOrder(orders, message.DateOf(t.now))}
	if all.crisis, err = t.carriedCrisis(orders); err != nil {
		return nil, err
	}
	if all.authorities, err = store.Column[[]byte](t.ctx, t.tx, `SELECT certificate FROM authority
		WHERE role = $1 ORDER BY reference`, int(spec.RoleIntermediary)); err != nil {
		return nil, err
	}
	t.work.toAll = all
	return all, nil
}

// undecidedOf reads the Payments that wait for the decisions of devices, as it is at the moment.
func (t *txn) undecidedOf(
	payees ...message.DeviceID,
) (map[message.DeviceID][]*payment, error) {
	all := map[message.DeviceID][]*payment{}
	for _, id := range payees {
		all[id] = nil
	}
	undecided, err := t.openOf(slices.Sorted(maps.Keys(all)),
		"w.payee IS NULL AND p.requested AND p.signature IN (0, 1)")
	for _, p := range undecided {
		all[p.payee] = append(all[p.payee], p)
	}
	return all, err
}

// handovers returns the Payments that wait for a device's decision.
func (t *txn) handovers(payee message.DeviceID) (all []notary.Handover, err error) {
	undecided, known := t.undecided[payee]
	if !known {
		read, err := t.undecidedOf(payee)
		if err != nil {
			return nil, err
		}
		undecided = read[payee]
	}
	for _, p := range undecided {
		var h notary.Handover
		if _, err := t.queryRow("SELECT bytes FROM payment WHERE n = $1", []any{p.n},
			&h.Payment); err != nil {
			return nil, err
		}
		payer, err := t.registered(p.payer)
		if err != nil {
			return nil, err
		}
		h.PayerCertificate = payer.certificate
		if h.PayerCA, err = t.issuerOf(payer); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}
