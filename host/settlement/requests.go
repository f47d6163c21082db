package settlement

import (
	"ekrona.example/apdu/message"
	"ekrona.example/host/store"
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
	key := requestKey{a.payee, a.number}
	about, err := t.request(key)
	if err != nil {
		return false, err
	}
	for _, p := range about.payments {
		if !p.requested {
			continue
		}
		if err := t.readRequest(p); err != nil {
			return false, err
		}
		if p.asked != a.identity {
			other = p.identity
		}
	}
	for _, r := range about.answers {
		if r.payment == nil && r.refused != a.identity {
			other = r.identity[:]
		}
	}
	if other == nil {
		return false, nil
	}
	return true, t.recordConflict(a.payee, "two requests of one number", other, raw, true)
}

// readRequest reads which Request a payment carries.
func (t *txn) readRequest(p *payment) error {
	if p.asked != (message.Hash{}) {
		return nil
	}
	var raw, asked []byte
	if err := store.Must(t.ctx, t.tx, store.Into{&raw, &asked},
		"SELECT bytes, asked FROM payment WHERE n = $1", p.n); err != nil {
		return err
	}
	if asked != nil { // the body is in an archive
		p.asked = message.Hash(asked)
		return nil
	}
	m, err := message.Parse[message.Payment](raw)
	if err != nil {
		return store.Failed(err)
	}
	p.asked, err = message.Identity(&m.Request)
	return store.Failed(err)
}
