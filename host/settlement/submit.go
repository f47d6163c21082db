package settlement

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Submit implements notary.Participant.
func (p participant) Submit(ctx context.Context, items [][]byte) ([]notary.Answer, error) {
	if err := notary.CheckItems(items); err != nil {
		return nil, err
	}
	facts, refused, err := p.n.gate.facts(ctx, store.DialectOf(p.n.db), items)
	if err != nil {
		return nil, err
	}
	var good []*fact
	for i, f := range facts {
		if refused[i] == nil {
			good = append(good, f)
		}
	}
	if len(good) > 0 {
		if err := p.n.write(ctx, &job{facts: good}); err != nil {
			return nil, err
		}
	}
	answers := make([]notary.Answer, len(items))
	for i, f := range facts {
		switch {
		case refused[i] != nil:
			answers[i].Err = refused[i]
		case f.refused != nil:
			answers[i].Err = f.refused
		default:
			answers[i] = notary.Answer{Held: true, Payment: f.status, Err: f.doubt}
		}
	}
	return answers, nil
}

// submit keeps the facts of a batch and moves what can move by them. A fact that is refused has
// changed nothing.
func (t *txn) submit(facts []*fact) error {
	if t.dialect == store.PostgreSQL {
		if err := t.preload(facts); err != nil {
			return err
		}
	}
	for _, f := range facts {
		f.about, f.doubt, f.refused, f.status = paymentKey{}, nil, nil, nil
		t.proofs = f.proofs
		err := t.storeFact(f)
		t.proofs = nil
		var refused *notary.Error
		if errors.As(err, &refused) {
			f.refused = refused
		} else if err != nil {
			return err
		}
	}
	if err := settle(t); err != nil {
		return err
	}
	for _, f := range facts {
		if f.refused != nil || f.about.identity == nil {
			continue
		}
		held, err := t.payment(f.about)
		if err != nil {
			return err
		}
		if held != nil {
			f.status = held.status()
		}
	}
	return nil
}

// storeFact keeps one item. It refuses before it changes anything.
func (t *txn) storeFact(f *fact) error {
	if f.certificate != nil {
		return t.storeCertificate(f.certificate)
	}
	if f.refusal != nil {
		v := payeeAnswer{payee: f.refusal.Payee, seq: f.refusal.ATC, request: f.refusal.Number}
		if err := t.checkAnswer(f.refusal, v); err != nil {
			return err
		}
		return t.storeAnswer(v, f)
	}
	if f.receipt == nil {
		f.about = keyOf(f.payment, f.identity)
		judged, err := t.judge(f.payment, f.identity, false)
		if err != nil {
			return err
		}
		return t.storePayment(f, judged)
	}
	return t.storeAcceptance(f)
}

// storeAcceptance keeps a Receipt, alone or with its Payment.
func (t *txn) storeAcceptance(f *fact) error {
	receipt := f.receipt
	v := payeeAnswer{payee: receipt.Payee, seq: receipt.ATC, request: receipt.Number,
		payment: receipt.Payment[:]}
	if err := t.checkAnswer(receipt, v); err != nil {
		return err
	}
	f.about = paymentKey{requestKey{v.payee, v.request}, v.payment}
	if f.payment == nil {
		return t.storeAnswer(v, f)
	}
	f.about = keyOf(f.payment, f.identity)
	judged, err := t.judge(f.payment, f.identity, true)
	if err != nil {
		return err
	}
	if err := t.storeAnswer(v, f); err != nil {
		return err
	}
	if err := t.storePayment(f, judged); err != nil {
		return err
	}
	held, err := t.payment(f.about)
	if err == nil && held.signatureStatus == unverified {
		f.doubt = notary.Refuse(notary.Signature, "Payment %s/%d, accepted by %s, is not signed "+
			"by the payer's registered key: submit the payer's certificate",
			held.payer, held.atc, held.payee)
	}
	return err
}

// judgement is what the signatures of a Payment say.
type judgement struct {
	held  bool            // it is held already, and stays as it is
	worth signatureStatus // whose key signed it
	asked bool            // its payee requested it
}

// judge refuses a Payment that is not kept. One that no known key signed is kept only when a payee
// has accepted it (accepted): its record must not be lost, a certificate may still explain it, and
// if only its signature was corrupted on the way, the body that the payer signed takes its place.
func (t *txn) judge(
	p *message.Payment, identity message.Hash, accepted bool,
) (j judgement, err error) {
	known, err := t.payment(keyOf(p, identity))
	if err != nil || known != nil && known.signatureStatus != unverified {
		return judgement{held: true}, err
	}
	if p.Payer == p.Request.Payee {
		return j, notary.Refuse(notary.Self, "Payment %s/%d pays its own payer; no card makes it",
			p.Payer, p.ATC)
	}
	if j.worth, err = t.signatureStatusOf(p); err != nil {
		return j, err
	}
	if j.asked, err = t.requestedByPayee(p); err != nil {
		return j, err
	}
	switch {
	case j.worth == unverified && known != nil:
		j.held = true
	// an honest payee accepts none without its own signature
	case j.worth == unverified && (!accepted || !j.asked):
		return j, notary.Refuse(notary.Signature, "Payment %s/%d is not signed by a registered "+
			"key of the payer; register it, or submit its certificate", p.Payer, p.ATC)
	}
	return j, nil
}

// storePayment keeps a Payment, once.
func (t *txn) storePayment(f *fact, j judgement) error {
	if j.held {
		return nil
	}
	p := f.payment
	if j.worth == recorded {
		var err error
		if j.worth, err = t.recordPayment(p, f.identity, f.encoded); err != nil {
			return err
		}
	}
	known, err := t.payment(keyOf(p, f.identity))
	if err != nil {
		return err
	}
	if known != nil { // the signature was corrupted when the Payment first came
		if err := t.exec("UPDATE payment SET bytes = $1, signature = $2 WHERE n = $3", f.encoded,
			int(j.worth), known.n); err != nil {
			return err
		}
		t.touched.payment(known.n)
		return t.owe(p.Payer, j.worth, known.amount)
	}
	fresh := &payment{identity: f.identity[:], payer: p.Payer, atc: p.ATC, payee: p.Request.Payee,
		request: p.Request.Number, amount: p.Request.Amount, requested: j.asked,
		signatureStatus: j.worth, verdict: notary.Waiting, raw: f.encoded, asked: f.asked,
		seenAt: t.stamp()}
	if err := t.addPayment(fresh); err != nil {
		return err
	}
	if err := t.owe(p.Payer, j.worth, fresh.amount); err != nil {
		return err
	}
	accepting, err := t.accepting(fresh)
	if err != nil {
		return err
	}
	if accepting > 0 {
		if err := t.update(p.Request.Payee, func(d *device) {
			d.sums.accepted += fresh.amount * money.Ore(accepting)
		}); err != nil {
			return err
		}
	}
	// its accept record may have waited for the Payment
	if err := t.extendChain(p.Request.Payee); err != nil {
		return err
	}
	if !j.asked {
		return nil
	}
	_, err = t.oneRequest(requestRef{p.Request.Payee, p.Request.Number, f.asked}, f.encoded)
	return err
}

// owe notes that a Payment has left its payer's card and not its wallet.
func (t *txn) owe(payer message.DeviceID, worth signatureStatus, amount money.Ore) error {
	if worth != recorded {
		return nil
	}
	return t.update(payer, func(d *device) { d.sums.unpaid += amount })
}

// signatureStatusOf finds whose key signed the Payment; a second body is detected later.
func (t *txn) signatureStatusOf(p *message.Payment) (signatureStatus, error) {
	payer, err := t.lookup(p.Payer)
	if err != nil {
		return unverified, err
	}
	if payer != nil && payer.role.CanPay() && t.signedBy(p, payer.key) {
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
	return (named || p.Request.Payer == "") &&
		t.signedBy(&p.Request, payee.key), nil
}

// recordPayment stores the Payment as its payer's record; another record with that number proves a
// clone.
func (t *txn) recordPayment(
	p *message.Payment, identity message.Hash, raw []byte,
) (signatureStatus, error) {
	held, err := t.record(p.Payer, p.ATC, identity, paymentKey{})
	if err != nil || held == nil {
		return recorded, err
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

// checkAnswer refuses what its payee has not signed, or could not have.
func (t *txn) checkAnswer(m message.Message, v payeeAnswer) error {
	payee, err := t.registered(v.payee)
	if err != nil {
		return err
	}
	if !t.signedBy(m, payee.key) {
		return notary.Refuse(notary.Signature,
			"%s of %s about request %d is not signed by the registered key", m.Layout().Name,
			v.payee, v.request)
	}
	if v.seq == 0 {
		return notary.Refuse(notary.Malformed, "%s of %s about request %d has no record number",
			m.Layout().Name, v.payee, v.request)
	}
	return nil
}

// storeAnswer keeps a payee's Receipt or Refusal, once, as its record and, when it is the first on
// its Request, as its decision.
func (t *txn) storeAnswer(v payeeAnswer, f *fact) error {
	key := requestKey{v.payee, v.request}
	about, err := t.request(key)
	if err != nil || about.holds(f.answer) {
		return err
	}
	answer := answerRow{identity: f.answer, payment: v.payment}
	if v.payment == nil {
		answer.refused = f.refusal.Request
	} else if err := t.countAnswer(paymentKey{key, v.payment}); err != nil {
		return err
	}
	about.answers = append(about.answers, answer)
	t.work.change()
	t.work.newAnswers.Add(f.answer[:], f.answerRaw, string(v.payee), int64(v.seq),
		int64(v.request), v.payment, t.stamp())
	held, err := t.record(v.payee, v.seq, f.answer, paymentKey{key, v.payment})
	if err != nil {
		return err
	}
	if held != nil {
		if err := t.recordConflict(v.payee, "two records of one number", held, f.answerRaw,
			true); err != nil {
			return err
		}
	}
	if v.payment == nil {
		if _, err := t.oneRequest(requestRef{v.payee, v.request, f.refusal.Request},
			f.answerRaw); err != nil {
			return err
		}
	}
	return t.storeDecision(key, v, f.answer, f.answerRaw)
}

// countAnswer counts a Receipt, which is not held yet, among those that accept its Payment.
func (t *txn) countAnswer(key paymentKey) error {
	p, err := t.payment(key)
	if err != nil || p == nil {
		return err
	}
	before, err := t.accepting(p)
	if err != nil {
		return err
	}
	return t.update(key.payee, func(d *device) {
		switch {
		case p.isOpen() && p.netting != credited:
			d.sums.accepted += p.amount
		case p.verdict != notary.Void && before == 0:
			d.sums.unanswered -= p.amount
		}
	})
}

// storeDecision keeps the first decision on a Request; a contrary one later is evidence against the
// payee, unless the device's end decided it.
func (t *txn) storeDecision(
	key requestKey, v payeeAnswer, identity message.Hash, raw []byte,
) error {
	about, err := t.request(key)
	switch {
	case err != nil:
		return err
	case about.decision == nil:
		return t.addDecision(key, v.payment, identity[:])
	case bytes.Equal(about.decision.payment, v.payment) || about.decision.answer == nil:
		return nil
	}
	return t.recordConflict(v.payee, "two decisions on one request", about.decision.answer, raw,
		false)
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
	return err == nil && isSigned(m, key)
}

// isSigned is signedBy for a key.
func isSigned(m message.Message, key *ecdsa.PublicKey) bool {
	body, err := message.Body(m)
	return err == nil && isSignedBody(m, body, key)
}

// isSignedBody is isSigned for a message whose body is at hand.
func isSignedBody(m message.Message, body []byte, key *ecdsa.PublicKey) bool {
	return message.VerifyBody(m, body, key) == nil
}
