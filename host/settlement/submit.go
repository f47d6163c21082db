package settlement

import (
	"bytes"
	"context"
	"errors"

	"ekrona/apdu/message"
	"ekrona/apdu/signature"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
	"ekrona/host/notary"
	"ekrona/host/store"
)

// Submit implements notary.Participant.
func (p participant) Submit(ctx context.Context, items [][]byte) ([]notary.Answer, error) {
	if err := notary.CheckItems(items); err != nil {
		return nil, err
	}
	answers := make([]notary.Answer, len(items))
	for i, item := range items {
		var about []byte
		err := p.n.change(ctx, func(t *txn) (err error) {
			about, answers[i].Err = nil, nil
			about, answers[i].Err, err = t.storeItem(item)
			return err
		})
		var refused *notary.Error
		switch {
		case errors.As(err, &refused):
			answers[i].Err = refused
			continue
		case err != nil:
			return nil, err
		}
		answers[i].Held = true
		if about == nil {
			continue
		}
		held, err := payments(ctx, p.n.db, "p.identity = $1", about)
		if err != nil {
			return nil, err
		}
		if len(held) > 0 {
			answers[i].Payment = held[0].status()
		}
	}
	return answers, nil
}

// storeItem keeps one item. about is the identity of the payment that it concerns, doubt is what is
// wrong with an item that is kept nevertheless.
func (t *txn) storeItem(item []byte) (about []byte, doubt, err error) {
	r := tlv.NewReader(item)
	switch {
	case r.At(spec.TagCertificate):
		return nil, nil, t.storeCertificate(item)
	case r.At(spec.TagPayment):
		p, identity, err := parse[message.Payment](item)
		if err != nil {
			return nil, nil, err
		}
		_, err = t.storePayment(p, false)
		return identity[:], nil, err
	case r.At(spec.TagRefusal):
		m, _, err := parse[message.Refusal](item)
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, t.storeAnswer(m,
			payeeAnswer{payee: m.Payee, seq: m.ATC, request: m.Number})
	case r.At(spec.TagReceipt):
		return t.storeAcceptance(item)
	}
	return nil, nil, notary.Refuse(notary.Malformed,
		"submitted item is no Payment, Receipt, Refusal, accept record or certificate")
}

// storeAcceptance keeps a Receipt, alone or with its Payment.
func (t *txn) storeAcceptance(item []byte) (about []byte, doubt, err error) {
	receipt, err := message.Parse[message.Receipt](item)
	var record message.Record
	if err != nil {
		if record, err = message.ParseRecord(item); err != nil {
			return nil, nil, notary.Refuse(notary.Malformed,
				"submitted Receipt or accept record: %v", err)
		}
		receipt = record.Receipt
	}
	if err := t.storeAnswer(receipt,
		payeeAnswer{payee: receipt.Payee, seq: receipt.ATC, request: receipt.Number,
			payment: receipt.Payment[:]}); err != nil {
		return nil, nil, err
	}
	if record.Payment == nil {
		return receipt.Payment[:], nil, nil
	}
	held, err := t.storePayment(record.Payment, true)
	if err != nil {
		return nil, nil, err
	}
	if held.signatureStatus == unverified {
		doubt = notary.Refuse(notary.Signature, "Payment %s/%d, accepted by %s, is not signed by "+
			"the payer's registered key: submit the payer's certificate",
			held.payer, held.atc, held.payee)
	}
	return held.identity, doubt, nil
}

// storePayment keeps a Payment, once. One that no known key signed is kept only when a payee has
// accepted it (accepted): its record must not be lost, a certificate may still explain it, and if
// only its signature was corrupted on the way, the body that the payer signed takes its place.
func (t *txn) storePayment(p *message.Payment, accepted bool) (*payment, error) {
	identity, err := message.Identity(p)
	if err != nil {
		return nil, notary.Refuse(notary.Malformed, "submitted Payment: %v", err)
	}
	known, err := t.payment(identity[:])
	if err != nil || known != nil && known.signatureStatus != unverified {
		return known, err
	}
	if p.Payer == p.Request.Payee {
		return nil, notary.Refuse(notary.Self, "Payment %s/%d pays its own payer; no card makes it",
			p.Payer, p.ATC)
	}
	worth, err := t.signatureStatusOf(p)
	if err != nil {
		return nil, err
	}
	asked, err := t.requestedByPayee(p)
	switch {
	case err != nil:
		return nil, err
	case worth == unverified && known != nil:
		return known, nil
	// an honest payee accepts none without its own signature
	case worth == unverified && (!accepted || !asked):
		return nil, notary.Refuse(notary.Signature, "Payment %s/%d is not signed by a registered "+
			"key of the payer; register it, or submit its certificate", p.Payer, p.ATC)
	}
	if worth == recorded {
		if worth, err = t.recordPayment(p, identity); err != nil {
			return nil, err
		}
	}
	raw, err := message.Encode(p)
	if err != nil {
		return nil, notary.Refuse(notary.Malformed, "submitted Payment: %v", err)
	}
	if known != nil { // the signature was corrupted when the Payment first came
		if err := t.exec("UPDATE payment SET bytes = $1, signature = $2 WHERE n = $3", raw,
			int(worth), known.n); err != nil {
			return nil, err
		}
		t.touched.payment(known.n)
		return t.payment(identity[:])
	}
	if err := t.exec(`INSERT INTO payment (identity, bytes, payer, atc, payee, request, amount,
		requested, signature, verdict, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
		$11)`, identity[:], raw, p.Payer, p.ATC, p.Request.Payee,
		p.Request.Number, int64(p.Request.Amount), asked, int(worth), int(notary.Waiting),
		t.stamp()); err != nil {
		return nil, err
	}
	// its accept record may have waited for the Payment
	if err := t.extendChain(p.Request.Payee); err != nil {
		return nil, err
	}
	if asked {
		if err := t.oneRequestIn(p, raw); err != nil {
			return nil, err
		}
	}
	stored, err := t.payment(identity[:])
	if err == nil {
		t.touched.payment(stored.n)
	}
	return stored, err
}

// signatureStatusOf finds whose key signed the Payment; a second body is detected later.
func (t *txn) signatureStatusOf(p *message.Payment) (signatureStatus, error) {
	payer, err := t.lookup(p.Payer)
	if err != nil {
		return unverified, err
	}
	if payer != nil && payer.role.CanPay() && signedBy(p, payer.key) {
		return recorded, nil
	}
	keys, err := store.Column[[]byte](t.ctx, t.tx,
		"SELECT public_key FROM unregistered_certificate WHERE device = $1", string(p.Payer))
	if err != nil {
		return unverified, err
	}
	for _, key := range keys {
		if signedBy(p, key) {
			return unregisteredKey, nil
		}
	}
	return unverified, nil
}

// requestedByPayee reports whether the payee's registered device requested it from this payer. A
// payment that nobody requested goes back.
func (t *txn) requestedByPayee(p *message.Payment) (bool, error) {
	payee, err := t.lookup(p.Request.Payee)
	if err != nil || payee == nil {
		return false, err
	}
	named := p.Request.Payer == p.Payer
	if payee.role == spec.RoleDesk && (!named || payee.intermediary != p.Payer.Name()) {
		return false, nil
	}
	return (named || p.Request.Payer == "") && signedBy(&p.Request, payee.key), nil
}

// recordPayment stores the Payment as its payer's record; another record with that number proves a
// clone.
func (t *txn) recordPayment(p *message.Payment, identity message.Hash) (signatureStatus, error) {
	held, err := t.record(p.Payer, p.ATC, identity)
	if err != nil || held == nil {
		return recorded, err
	}
	raw, err := message.Encode(p)
	if err != nil {
		return conflicting, notary.Refuse(notary.Malformed, "submitted Payment: %v", err)
	}
	return conflicting, t.recordConflict(p.Payer, "two records of one number", held, raw, true)
}

// payeeAnswer is the content of a Receipt or a Refusal.
type payeeAnswer struct {
	payee   message.DeviceID
	seq     uint32
	request uint32
	payment []byte // nil for a Refusal
}

// storeAnswer keeps a payee's Receipt or Refusal, once, as its record and, when it is the first on
// its Request, as its decision.
func (t *txn) storeAnswer(m message.Message, v payeeAnswer) error {
	payee, err := t.registered(v.payee)
	if err != nil {
		return err
	}
	if !signedBy(m, payee.key) {
		return notary.Refuse(notary.Signature,
			"%s of %s about request %d is not signed by the registered key", m.Layout().Name,
			v.payee, v.request)
	}
	if v.seq == 0 {
		return notary.Refuse(notary.Malformed, "%s of %s about request %d has no record number",
			m.Layout().Name, v.payee, v.request)
	}
	identity, err := message.Identity(m)
	if err != nil {
		return notary.Refuse(notary.Malformed, "submitted %s: %v", m.Layout().Name, err)
	}
	if known, err := t.queryInt("SELECT count(*) FROM payee_answer WHERE identity = $1",
		identity[:]); err != nil || known > 0 {
		return err
	}
	raw, err := message.Encode(m)
	if err != nil {
		return notary.Refuse(notary.Malformed, "submitted %s: %v", m.Layout().Name, err)
	}
	if err := t.exec("INSERT INTO payee_answer (identity, bytes, payee, seq, request, payment, "+
		"seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		identity[:], raw, v.payee, v.seq, v.request, v.payment, t.stamp()); err != nil {
		return err
	}
	held, err := t.record(v.payee, v.seq, identity)
	if err != nil {
		return err
	}
	if held != nil {
		if err := t.recordConflict(v.payee, "two records of one number", held, raw,
			true); err != nil {
			return err
		}
	}
	if v.payment == nil {
		if err := t.oneRequestIn(m, raw); err != nil {
			return err
		}
	}
	return t.storeDecision(v, identity, raw)
}

// storeDecision keeps the first decision on a Request; a contrary one later is evidence against the
// payee, unless the device's end decided it.
func (t *txn) storeDecision(v payeeAnswer, identity message.Hash, raw []byte) error {
	var payment, decided []byte
	known, err := t.queryRow(
		"SELECT payment, answer FROM payee_decision WHERE payee = $1 AND request = $2",
		[]any{v.payee, v.request}, &payment, &decided)
	switch {
	case err != nil:
		return err
	case !known:
		if err := t.touchRequest(v.payee, v.request); err != nil {
			return err
		}
		return t.exec("INSERT INTO payee_decision (payee, request, payment, answer, at) VALUES "+
			"($1, $2, $3, $4, $5)",
			v.payee, v.request, v.payment, identity[:], t.stamp())
	case bytes.Equal(payment, v.payment) || decided == nil:
		return nil
	}
	return t.recordConflict(v.payee, "two decisions on one request", decided, raw, false)
}

// parse reads one message with its identity.
func parse[T any, P interface {
	*T
	message.Message
}](raw []byte) (*T, message.Hash, error) {
	m, err := message.Parse[T, P](raw)
	if err != nil {
		return nil, message.Hash{},
			notary.Refuse(notary.Malformed, "message is not the one expected here: %v", err)
	}
	identity, err := message.Identity(P(m))
	if err != nil {
		return nil, message.Hash{}, notary.Refuse(notary.Malformed, "message has no identity: %v",
			err)
	}
	return m, identity, nil
}

// signedBy reports whether the point's key signed the message as its first signer.
func signedBy(m message.Message, point []byte) bool {
	key, err := signature.ParsePoint(point)
	return err == nil && message.VerifyAs(m, 0, key) == nil
}
