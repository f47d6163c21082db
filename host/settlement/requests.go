package settlement

import (
	"ekrona/apdu/message"
	"ekrona/host/notary"
	"ekrona/host/store"
)

// requestRef is a Request by the number under which its payee signed it.
type requestRef struct {
	payee    message.DeviceID
	number   uint32
	identity message.Hash
}

// oneRequest checks that a card signs one Request for each number, since it counts them. raw shows
// the one that it has signed under this number: when a Payment or Refusal that the notary holds
// carries another, two cards have one key, and the conflict is recorded. Each of them can accept or
// refuse only its own Request: without the conflict a payment of the other one would wait for ever.
func (t *txn) oneRequest(a requestRef, raw []byte) (cloned bool, err error) {
	d, err := t.registered(a.payee)
	if err != nil || !d.role.CanPay() {
		return false, err
	}
	var other []byte
	for _, query := range []string{
		"SELECT bytes FROM payment WHERE payee = $1 AND request = $2 AND requested ORDER BY n",
		"SELECT bytes FROM payee_answer WHERE payee = $1 AND request = $2 AND payment IS NULL " +
			"ORDER BY n",
	} {
		all, err := store.Column[[]byte](t.ctx, t.tx, query, a.payee, a.number)
		if err != nil {
			return false, err
		}
		for _, held := range all {
			m, _, err := message.ParseSigned(held)
			if err != nil {
				return false, store.Failed(err)
			}
			carried, err := requestOf(m)
			if err != nil {
				return false, store.Failed(err)
			}
			if carried == a {
				continue
			}
			identity, err := message.Identity(m)
			if err != nil {
				return false, store.Failed(err)
			}
			other = identity[:]
		}
	}
	if other == nil {
		return false, nil
	}
	return true, t.recordConflict(a.payee, "two requests of one number", other, raw, true)
}

// oneRequestIn is oneRequest for a Payment that the payee requested, or a Refusal.
func (t *txn) oneRequestIn(m message.Message, raw []byte) error {
	carried, err := requestOf(m)
	if err != nil {
		return err
	}
	_, err = t.oneRequest(carried, raw)
	return err
}

// requestOf returns the Request that a Payment or a Refusal carries.
func requestOf(m message.Message) (requestRef, error) {
	if refusal, isRefusal := m.(*message.Refusal); isRefusal {
		return requestRef{refusal.Payee, refusal.Number, refusal.Request}, nil
	}
	payment, isPayment := m.(*message.Payment)
	if !isPayment {
		return requestRef{}, notary.Refuse(notary.Malformed, "a %s carries no Request",
			m.Layout().Name)
	}
	identity, err := message.Identity(&payment.Request)
	return requestRef{payment.Request.Payee, payment.Request.Number, identity}, err
}
