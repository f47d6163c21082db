package settlement

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// outcome is what is known of an Instruction.
type outcome int

const (
	outstanding outcome = iota // not known to be applied
	applied                    // applied; it carried no credit
	taken                      // applied with its credit
	untaken                    // applied without its credit, which went back online
)

// CoSign implements notary.Participant.
func (p participant) CoSign(
	ctx context.Context, order notary.OrderKey, instruction []byte,
) (signed []byte, err error) {
	if err := checkOrder(order); err != nil {
		return nil, err
	}
	i, identity, err := parse[message.Instruction](instruction)
	if err != nil {
		return nil, err
	}
	proofs, err := p.n.gate.proveBy(ctx, store.DialectOf(p.n.db), i, i.InstructionKey)
	if err != nil {
		return nil, err
	}
	j := &job{settles: true, proofs: proofs, needs: needs{
		devices: []message.DeviceID{i.Device}, wallets: []message.DeviceID{i.Device},
		instructions: []message.DeviceID{i.Device}, orders: []orderOf{{p.from, order}},
		records: []recordKey{{i.Device, i.AckedATC}}}}
	j.decide = func(t *txn) error {
		d, err := t.ownDevice(p.from, i.Device)
		if err != nil {
			return err
		}
		if err := t.signedByAuthority(p.from, i.InstructionKey, i, i.Date); err != nil {
			return err
		}
		if signed, err = t.signedBefore(p.from, order, i, identity); err != nil || signed != nil {
			return err
		}
		if err := p.n.checkInstruction(t, d, i); err != nil {
			return err
		}
		whole := *i // the transaction may run again, from the original
		if err := message.SignAs(&whole, message.ByNotary, p.n.key); err != nil {
			return fmt.Errorf("notary key: %w", err)
		}
		if signed, err = message.Encode(&whole); err != nil {
			return notary.Refuse(notary.Malformed, "Instruction to co-sign: %v", err)
		}
		policy, err := i.Policy.Bytes()
		if err != nil {
			return notary.Refuse(notary.Malformed, "Instruction to co-sign: %v", err)
		}
		if err := t.reserveCredit(d, order, i); err != nil {
			return err
		}
		t.addInstruction(p.from, i, &instructionRow{seq: i.Sequence, identity: identity[:],
			encoded: signed, order: order, credit: i.Credit, acked: i.AckedATC, policy: policy,
			date: i.Date.String(), group: i.Group})
		t.touched.payees[d.id] = true // what it accepts from here on is another period
		return nil
	}
	if err := p.n.write(ctx, j); err != nil {
		return nil, err
	}
	return signed, nil
}

// signedBefore returns the Instruction of this device and number, or of this order; it must be the
// same one.
func (t *txn) signedBefore(
	from message.Name, order notary.OrderKey, i *message.Instruction, identity message.Hash,
) (signed []byte, err error) {
	held, err := t.instruction(i.Device, i.Sequence)
	if err != nil {
		return nil, err
	}
	if held != nil {
		if !bytes.Equal(held.identity, identity[:]) || held.order != order {
			return nil, notary.Refuse(notary.Taken,
				"Instruction %d of %s has another body or order (%s) already; resend that one",
				i.Sequence, i.Device, held.order)
		}
		return held.encoded, nil
	}
	used := orderOf{from, order}
	if err = t.loadOrders(used); err == nil && t.work.orders[used] {
		err = notary.Refuse(notary.Taken,
			"order %q was used for another Instruction; choose a new key", order)
	}
	return nil, err
}

func (n *Notary) checkInstruction(t *txn, d *device, i *message.Instruction) error {
	if i.Notary != n.reference {
		return notary.Refuse(notary.Unknown, "Instruction %d of %s names notary %s; this is %s",
			i.Sequence, d.id, i.Notary, n.reference)
	}
	last, err := t.last(d.id)
	if err != nil {
		return err
	}
	if next := last.next(); next != i.Sequence || next == 0 {
		return notary.Refuse(notary.Sequence, "Instruction %d of %s: the next is %d, and only "+
			"after the last is known to be applied; ask for what is outstanding",
			i.Sequence, d.id, max(next, 1))
	}
	if err := t.checkKeys(d, i, last); err != nil {
		return err
	}
	if err := t.checkHead(d, i, last.acked); err != nil {
		return err
	}
	if err := n.checkDate(t, d, i, last.date); err != nil {
		return err
	}
	if err := checkPolicy(d, i, last.policy); err != nil {
		return err
	}
	if err := t.checkOrderNumber(i, d.group); err != nil {
		return err
	}
	if i.Credit > 0 {
		return t.checkCredit(d, i)
	}
	return nil
}

func (t *txn) checkHead(d *device, i *message.Instruction, acked uint32) error {
	head, err := t.headAt(d, i.AckedATC)
	if err != nil {
		return err
	}
	if i.AckedATC > d.heldATC || i.AckedATC < acked || !bytes.Equal(head, i.Head[:]) {
		return notary.Refuse(notary.Head, "Instruction %d of %s acknowledges record %d; held are "+
			"%d, acknowledged %d, or the head is another: submit the records first",
			i.Sequence, d.id, i.AckedATC, d.heldATC, acked)
	}
	return nil
}

// checkDate: a card that receives too late a date refuses everything as expired, for ever (protocol
// §2).
func (n *Notary) checkDate(t *txn, d *device, i *message.Instruction, last string) error {
	if i.Date.After(message.DateOf(t.now)) || i.Date.After(n.expires) || i.Date.String() < last {
		return notary.Refuse(notary.Date, "Instruction %d of %s has the date %s: it must not be "+
			"before the last (%s), after today (%s) or after the notary's certificate's end (%s)",
			i.Sequence, d.id, i.Date, last, message.DateOf(t.now), n.expires)
	}
	return nil
}

// checkPolicy refuses an Instruction that the card would refuse, because no other body could take
// its number.
func checkPolicy(d *device, i *message.Instruction, before []byte) error {
	bad := func(what string) error {
		return notary.Refuse(notary.Policy, "Instruction %d of %s: %s; the card would refuse it",
			i.Sequence, d.id, what)
	}
	if i.Credit > 0 && (i.Actions.Has(spec.ActionBlock) || i.Actions.Has(spec.ActionClose)) {
		return bad("a credit together with block or close")
	}
	var current message.Policy
	if before != nil {
		var err error
		if current, err = message.ParsePolicy(before); err != nil {
			return store.Failed(err)
		}
	}
	if i.Policy.Version < current.Version {
		return bad(fmt.Sprintf("policy version %d after %d", i.Policy.Version, current.Version))
	}
	if d.ceilings == nil || i.Policy.Version == current.Version {
		return nil
	}
	ceilings, err := message.ParsePolicy(d.ceilings)
	if err != nil {
		return store.Failed(err)
	}
	if !i.Policy.Within(ceilings) {
		return bad("its policy is over the device's ceilings")
	}
	return nil
}

// checkCredit: value is added only to an active card whose last State is explained to the öre.
func (t *txn) checkCredit(d *device, i *message.Instruction) error {
	if d.status != notary.Active || !d.role.CanPay() {
		return notary.Refuse(notary.WrongStatus,
			"device %s is %s or cannot hold money; no credit for it", d.id, d.status)
	}
	var difference money.Ore
	var complete bool
	known, err := t.queryRow(
		"SELECT difference, complete FROM state WHERE device = $1 ORDER BY challenge DESC LIMIT 1",
		[]any{d.id}, &difference, &complete)
	if err != nil {
		return err
	}
	if !known || !complete || difference != 0 {
		return notary.Refuse(notary.Difference, "no credit for %s: its last State is missing, "+
			"lacks records, or differs from its records by %s; synchronise it first", d.id,
			difference)
	}
	return nil
}

func (t *txn) reserveCredit(d *device, order notary.OrderKey, i *message.Instruction) error {
	if i.Credit == 0 {
		return nil
	}
	amount := i.Credit
	m := movement{key: fmt.Sprintf("load:%s:%d", d.id, i.Sequence)}
	m.line(onlineOf(d.intermediary), -amount)
	m.line(shadowOf(d.id), amount)
	m.addStatementEntry(d.intermediary,
		notary.Entry{Kind: notary.Loaded, Device: d.id, Owner: d.owner, Online: -amount,
			Shadow: amount, Order: order, Instr: i.Sequence})
	err := t.move(m)
	var short *ledger.ShortError
	switch {
	case errors.As(err, &short):
		return notary.Refuse(notary.Funds, "credit of %s for %s: %s holds %s online", amount, d.id,
			d.intermediary, short.Balance)
	case err != nil:
		return err
	}
	return t.update(d.id, func(d *device) { d.sums.unconfirmed += amount })
}

// Confirm implements notary.Participant.
func (p participant) Confirm(ctx context.Context, confirmation []byte) error {
	c, identity, err := parse[message.Confirmation](confirmation)
	if err != nil {
		return err
	}
	proofs, err := p.n.gate.prove(ctx, store.DialectOf(p.n.db), c, c.Device)
	if err != nil {
		return err
	}
	return p.n.write(ctx, &job{settles: true, proofs: proofs, needs: needs{
		devices:       []message.DeviceID{c.Device},
		instructions:  []message.DeviceID{c.Device},
		confirmations: []message.Hash{identity},
	}, decide: func(t *txn) error {
		d, err := t.registered(c.Device)
		if err != nil {
			return err
		}
		if !t.signedBy(c, d.key) {
			return notary.Refuse(notary.Signature,
				"Confirmation %d of %s is not signed by the registered key", c.Sequence, d.id)
		}
		if err := t.loadConfirmations(identity); err != nil || t.work.confirmations[identity] {
			return err
		}
		if err := t.applied(d, c.Sequence, c.Instruction, c.Credit, c.ATC,
			confirmation); err != nil {
			return err
		}
		t.work.confirmations[identity] = true
		t.work.newConfirmations.Add(identity[:], confirmation, string(d.id), int64(c.Sequence),
			t.stamp())
		t.work.synced[d.id] = t.stamp()
		t.work.change()
		return nil
	}})
}

// applied records, from a Confirmation or a State that shows atc, that the card has applied
// Instruction seq and the outcome of its credit. A card that has applied another body, or
// contradicts itself on one credit, is two cards.
func (t *txn) applied(
	d *device, seq uint32, identity message.Hash, credit spec.CreditVerdict, atc uint32,
	said []byte,
) error {
	i, err := t.instruction(d.id, seq)
	if err != nil {
		return err
	}
	if i == nil {
		return notary.Refuse(notary.Sequence,
			"device %s reports Instruction %d as applied, which was never co-signed: either this "+
				"ledger was set back, and the one is put back that has all that it acknowledged, "+
				"or somebody else signs with the device's key, and it is reported lost", d.id, seq)
	}
	order, amount := i.order, i.credit
	now := map[spec.CreditVerdict]outcome{spec.CreditNone: applied, spec.CreditTaken: taken,
		spec.CreditNotTaken: untaken}[credit]
	if !bytes.Equal(i.identity, identity[:]) || (amount == 0) != (now == applied) ||
		i.result != outstanding && i.result != now {
		return t.recordConflict(d.id, "two answers to one instruction", i.identity, said, true)
	}
	if i.result != outstanding {
		return nil
	}
	i.result = now
	t.work.changedInstructions.Add(string(d.id), int64(seq), int64(now), int64(atc))
	t.work.change()
	t.touched.payees[d.id] = true // it may name a lower crisis order than the one before
	if amount == 0 {
		return nil
	}
	t.touched.device(d.id)
	// an ended device's credits were swept with the rest
	stays := now == untaken && d.status == notary.Ended
	if err := t.update(d.id, func(d *device) {
		d.sums.unconfirmed -= amount
		if stays {
			d.sums.untaken += amount
		}
	}); err != nil {
		return err
	}
	if now != untaken || stays {
		return nil
	}
	m := movement{key: fmt.Sprintf("release:%s:%d", d.id, seq)}
	m.line(shadowOf(d.id), -amount)
	m.line(onlineOf(d.intermediary), amount)
	m.addStatementEntry(d.intermediary,
		notary.Entry{Kind: notary.Released, Device: d.id, Owner: d.owner, Online: amount,
			Shadow: -amount, Order: order, Instr: seq})
	return t.move(m)
}
