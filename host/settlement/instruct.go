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
	err = p.n.change(ctx, func(t *txn) error {
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
		if err := t.exec(`INSERT INTO instruction (device, seq, identity, bytes, intermediary,
			order_key, credit, acked_atc, policy, date, signed_at, lowest_order, card_group)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
			$13)`, d.id, i.Sequence, identity[:], signed, p.from, order, int64(i.Credit),
			i.AckedATC, policy, i.Date.String(), t.stamp(), i.OrderNumber,
			i.Group); err != nil {
			return err
		}
		t.touched.payees[d.id] = true // what it accepts from here on is another period
		return t.reserveCredit(d, order, i)
	})
	if err != nil {
		return nil, err
	}
	return signed, nil
}

// signedBefore returns the Instruction of this device and number, or of this order; it must be the
// same one.
func (t *txn) signedBefore(
	from message.Name, order notary.OrderKey, i *message.Instruction, identity message.Hash,
) (signed []byte, err error) {
	var held []byte
	var heldOrder notary.OrderKey
	known, err := t.queryRow(
		"SELECT identity, bytes, order_key FROM instruction WHERE device = $1 AND seq = $2",
		[]any{i.Device, i.Sequence},
		&held, &signed, &heldOrder)
	if err != nil {
		return nil, err
	}
	if known {
		if !bytes.Equal(held, identity[:]) || heldOrder != order {
			return nil, notary.Refuse(notary.Taken,
				"Instruction %d of %s has another body or order (%s) already; resend that one",
				i.Sequence, i.Device, heldOrder)
		}
		return signed, nil
	}
	used, err := t.queryInt(
		"SELECT count(*) FROM instruction WHERE intermediary = $1 AND order_key = $2", from, order)
	if err == nil && used > 0 {
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

// lastInstruction is a device's Instruction with the highest number: the only one that may be
// outstanding, since the next is made when it is known to be applied.
type lastInstruction struct {
	seq     uint32
	result  outcome
	encoded []byte
	order   notary.OrderKey
	acked   uint32 // never less than those before
	policy  []byte
	date    string
	group   uint8
}

// last returns a device's last Instruction; one without number and content before the first.
func (t *txn) last(device message.DeviceID) (*lastInstruction, error) {
	if known := t.work.instructions[device]; known != nil {
		return known, nil
	}
	l := &lastInstruction{}
	_, err := t.queryRow(`SELECT seq, outcome, bytes, order_key, acked_atc, policy, date, card_group
		FROM instruction WHERE device = $1 ORDER BY seq DESC LIMIT 1`, []any{device}, &l.seq,
		&l.result, &l.encoded, &l.order, &l.acked, &l.policy, &l.date, &l.group)
	if err == nil {
		t.work.instructions[device] = l
	}
	return l, err
}

// next returns the number that the next Instruction must carry; 0 while one is outstanding.
func (l *lastInstruction) next() uint32 {
	if l.isOutstanding() {
		return 0
	}
	return l.seq + 1
}

func (l *lastInstruction) isOutstanding() bool { return l.seq > 0 && l.result == outstanding }

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
	if err := t.update(d.id, func(d *device) { d.sums.unconfirmed += amount }); err != nil {
		return err
	}
	err := t.move(m)
	var short *ledger.ShortError
	if errors.As(err, &short) {
		return notary.Refuse(notary.Funds, "credit of %s for %s: %s holds %s online", amount, d.id,
			d.intermediary, short.Balance)
	}
	return err
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
	return p.n.write(ctx, &job{settles: true, proofs: proofs, do: func(t *txn) error {
		d, err := t.registered(c.Device)
		if err != nil {
			return err
		}
		if !t.signedBy(c, d.key) {
			return notary.Refuse(notary.Signature,
				"Confirmation %d of %s is not signed by the registered key", c.Sequence, d.id)
		}
		known, err := t.queryInt("SELECT count(*) FROM confirmation WHERE identity = $1",
			identity[:])
		if err != nil || known > 0 {
			return err
		}
		if err := t.applied(d, c.Sequence, c.Instruction, c.Credit, c.ATC,
			confirmation); err != nil {
			return err
		}
		if err := t.exec("INSERT INTO confirmation (identity, bytes, device, seq, seen_at) "+
			"VALUES ($1, $2, $3, $4, $5)",
			identity[:], confirmation, d.id, c.Sequence, t.stamp()); err != nil {
			return err
		}
		return t.exec("UPDATE device SET synced_at = $1 WHERE id = $2", t.stamp(), d.id)
	}})
}

// applied records, from a Confirmation or a State that shows atc, that the card has applied
// Instruction seq and the outcome of its credit. A card that has applied another body, or
// contradicts itself on one credit, is two cards.
func (t *txn) applied(
	d *device, seq uint32, identity message.Hash, credit spec.CreditVerdict, atc uint32,
	said []byte,
) error {
	var held []byte
	var order notary.OrderKey
	var amount money.Ore
	var before outcome
	known, err := t.queryRow("SELECT identity, order_key, credit, outcome FROM instruction WHERE "+
		"device = $1 AND seq = $2", []any{d.id, seq},
		&held, &order, &amount, &before)
	if err != nil {
		return err
	}
	if !known {
		return notary.Refuse(notary.Sequence,
			"device %s reports Instruction %d as applied, which was never co-signed", d.id, seq)
	}
	now := map[spec.CreditVerdict]outcome{spec.CreditNone: applied, spec.CreditTaken: taken,
		spec.CreditNotTaken: untaken}[credit]
	if !bytes.Equal(held, identity[:]) || (amount == 0) != (now == applied) ||
		before != outstanding && before != now {
		return t.recordConflict(d.id, "two answers to one instruction", held, said, true)
	}
	if before != outstanding {
		return nil
	}
	if err := t.exec("UPDATE instruction SET outcome = $1, applied_atc = $2 WHERE device = $3 AND "+
		"seq = $4", int(now), atc, d.id, seq); err != nil {
		return err
	}
	t.touched.payees[d.id] = true // it may name a lower crisis order than the one before
	if amount > 0 {
		t.touched.device(d.id)
	}
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
