package settlement

import (
	"bytes"
	"cmp"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// requestKey names a Request by its payee's number.
type requestKey struct {
	payee  message.DeviceID
	number uint32
}

// requestRows is what is held about one Request.
type requestRows struct {
	payments []*payment // in order of arrival
	decision *decisionRow
	refusals []refusedRequest // read by loadRefusals only
	complete bool             // refusals are read
}

type decisionRow struct {
	payment []byte // nil for a refusal
	answer  []byte // nil when the end of the payee's device decided
}

// refusedRequest is a Refusal that is held.
type refusedRequest struct{ identity, request message.Hash }

// recordKey names a record of a device.
type recordKey struct {
	device message.DeviceID
	seq    uint32
}

type recordRow struct {
	recordKey
	identity []byte
	head     []byte // of the chain up to here; nil while one before it is not held
	accepts  []byte // Payment of an accept record
	isNew    bool   // it is not written
}

// adopt returns the payment as it is known already, or makes it known.
func (w *work) adopt(p *payment) *payment {
	if known := w.numbered[p.n]; known != nil {
		return known
	}
	w.numbered[p.n], w.payments[message.Hash(p.identity)] = p, p
	return p
}

// loadPayments reads payments by their identities.
func (t *txn) loadPayments(identities ...[]byte) error {
	unread := store.Set{Columns: []store.Field{{Name: "identity", Type: store.Bytes}}}
	for _, identity := range identities {
		if _, known := t.work.payments[message.Hash(identity)]; !known {
			t.work.payments[message.Hash(identity)] = nil
			unread.Add(identity)
		}
	}
	return t.find(&unread, func(row store.Row) error {
		p, err := scanPayment(row)
		t.work.adopt(p)
		return err
	}, paymentColumns+"WHERE p.identity = $1")
}

// payment returns a payment by identity; nil when the notary does not hold it.
func (t *txn) payment(identity []byte) (*payment, error) {
	err := t.loadPayments(identity)
	return t.work.payments[message.Hash(identity)], err
}

// current returns a payment as it is known now, which may have been read again.
func (t *txn) current(p *payment) (*payment, error) {
	if known := t.work.numbered[p.n]; known != nil {
		return known, nil
	}
	return t.payment(p.identity)
}

// changePayment changes a payment that is not final.
func (t *txn) changePayment(p *payment, change func(*payment)) error {
	change(p)
	now, err := t.current(p)
	if err != nil || now == nil {
		return err
	}
	if now != p {
		change(now)
	}
	if !now.isNew {
		t.work.changedPayments[now.n] = now
	}
	t.work.change()
	return nil
}

// nextPayment returns the number of a new payment. Transactions that write come one after the
// other, so numbers are in the order of commits.
func (t *txn) nextPayment() (int64, error) {
	if t.work.last == 0 {
		last, err := store.Number(t.ctx, t.tx, "SELECT max(n) FROM payment")
		if err != nil {
			return 0, err
		}
		t.work.last = last
	}
	t.work.last++
	return t.work.last, nil
}

// addPayment adds a payment that is not held.
func (t *txn) addPayment(p *payment) error {
	about, err := t.request(requestKey{p.payee, p.request})
	if err != nil {
		return err
	}
	if p.n, err = t.nextPayment(); err != nil {
		return err
	}
	p.isNew, p.decided = true, about.decision != nil
	p.accepted = p.decided && bytes.Equal(about.decision.payment, p.identity)
	about.payments = append(about.payments, p)
	t.work.adopt(p)
	t.work.newPayments = append(t.work.newPayments, p)
	t.work.change()
	for _, id := range []message.DeviceID{p.payer, p.payee} {
		if all, read := t.work.open[id]; read {
			t.work.open[id] = append(all, p)
		} else {
			t.work.fresh[id] = append(t.work.fresh[id], p)
		}
	}
	t.touched.payment(p.n)
	return nil
}

// loadRequests reads what is held about Requests.
func (t *txn) loadRequests(keys ...requestKey) error {
	unread := store.Set{Columns: []store.Field{{Name: "payee", Type: store.Text},
		{Name: "request", Type: store.BigInt}}}
	for _, key := range keys {
		if t.work.requests[key] == nil {
			t.work.requests[key] = &requestRows{}
			unread.Add(string(key.payee), int64(key.number))
		}
	}
	err := t.find(&unread, func(row store.Row) error {
		p, err := scanPayment(row)
		if err != nil {
			return err
		}
		about := t.work.requests[requestKey{p.payee, p.request}]
		about.payments = append(about.payments, t.work.adopt(p))
		return nil
	}, paymentColumns+"WHERE p.payee = $1 AND p.request = $2")
	if err != nil {
		return err
	}
	for _, key := range keys {
		slices.SortFunc(t.work.requests[key].payments, byArrival)
	}
	return t.find(&unread, func(row store.Row) error {
		var key requestKey
		decision := &decisionRow{}
		err := row.Scan(&key.payee, &key.number, &decision.payment, &decision.answer)
		if err == nil {
			t.work.requests[key].decision = decision
		}
		return err
	}, "SELECT payee, request, payment, answer FROM payee_decision WHERE payee = $1 AND "+
		"request = $2")
}

// request returns what is held about a Request.
func (t *txn) request(key requestKey) (*requestRows, error) {
	err := t.loadRequests(key)
	return t.work.requests[key], err
}

// loadRefusals reads the Refusals of Requests, of which the rest is read already.
func (t *txn) loadRefusals(keys ...requestKey) error {
	unread := store.Set{Columns: []store.Field{{Name: "payee", Type: store.Text},
		{Name: "request", Type: store.BigInt}}}
	for _, key := range keys {
		if about := t.work.requests[key]; !about.complete {
			about.complete = true
			unread.Add(string(key.payee), int64(key.number))
		}
	}
	return t.find(&unread, func(row store.Row) error {
		var raw []byte
		if err := row.Scan(&raw); err != nil {
			return err
		}
		refusal, identity, err := parse[message.Refusal](raw)
		if err != nil {
			return store.Failed(err)
		}
		about := t.work.requests[requestKey{refusal.Payee, refusal.Number}]
		about.refusals = append(about.refusals, refusedRequest{identity, refusal.Request})
		return nil
	}, "SELECT bytes FROM payee_answer WHERE payee = $1 AND request = $2 AND payment IS NULL "+
		"ORDER BY n")
}

// addDecision adds the payee's decision on a Request, unless there is one.
func (t *txn) addDecision(key requestKey, payment, answer []byte) error {
	about, err := t.request(key)
	if err != nil || about.decision != nil {
		return err
	}
	about.decision = &decisionRow{payment, answer}
	t.work.newDecisions.Add(string(key.payee), int64(key.number), payment, answer, t.stamp())
	t.work.change()
	for _, p := range about.payments {
		p.decided, p.accepted = true, payment != nil && bytes.Equal(payment, p.identity)
		t.touched.payment(p.n)
	}
	return nil
}

// loadAnswers reads whether answers are held, and those that accept a Payment.
func (t *txn) loadAnswers(identities [][]byte, payments [][]byte) error {
	unread := store.Set{Columns: []store.Field{{Name: "identity", Type: store.Bytes}}}
	for _, identity := range identities {
		if _, known := t.work.answers[message.Hash(identity)]; !known {
			t.work.answers[message.Hash(identity)] = false
			unread.Add(identity)
		}
	}
	err := t.find(&unread, func(row store.Row) error {
		var identity []byte
		err := row.Scan(&identity)
		if err == nil {
			t.work.answers[message.Hash(identity)] = true
		}
		return err
	}, "SELECT identity FROM payee_answer WHERE identity = $1")
	if err != nil {
		return err
	}
	unread = store.Set{Columns: []store.Field{{Name: "payment", Type: store.Bytes}}}
	for _, payment := range payments {
		if _, known := t.work.receipts[message.Hash(payment)]; !known {
			t.work.receipts[message.Hash(payment)] = nil
			unread.Add(payment)
		}
	}
	return t.find(&unread, func(row store.Row) error {
		v := &payeeAnswer{}
		var identity []byte
		if err := row.Scan(&identity, &v.payee, &v.seq, &v.request, &v.payment); err != nil {
			return err
		}
		payment := message.Hash(v.payment)
		t.work.receipts[payment] = append(t.work.receipts[payment], v)
		t.work.answers[message.Hash(identity)] = true
		return nil
	}, "SELECT identity, payee, seq, request, payment FROM payee_answer WHERE payment = $1 "+
		"ORDER BY n")
}

// accepting returns how many Receipts of its payee accept a payment.
func (t *txn) accepting(p *payment) (n int64, err error) {
	err = t.loadAnswers(nil, [][]byte{p.identity})
	for _, v := range t.work.receipts[message.Hash(p.identity)] {
		if v.payee == p.payee {
			n++
		}
	}
	return n, err
}

// loadRecords reads records.
func (t *txn) loadRecords(keys ...recordKey) error {
	unread := store.Set{Columns: []store.Field{{Name: "device", Type: store.Text},
		{Name: "seq", Type: store.BigInt}}}
	for _, key := range keys {
		if _, known := t.work.records[key]; !known {
			t.work.records[key] = nil
			unread.Add(string(key.device), int64(key.seq))
		}
	}
	return t.find(&unread, func(row store.Row) error {
		r := &recordRow{}
		err := row.Scan(&r.device, &r.seq, &r.identity, &r.head, &r.accepts)
		if err == nil {
			t.work.records[r.recordKey] = r
		}
		return err
	}, `SELECT r.device, r.seq, r.identity, r.head, v.payment FROM record r
		LEFT JOIN payee_answer v ON v.identity = r.identity WHERE r.device = $1 AND r.seq = $2`)
}

// recordAt returns a record; nil when it is not held.
func (t *txn) recordAt(device message.DeviceID, seq uint32) (*recordRow, error) {
	key := recordKey{device, seq}
	err := t.loadRecords(key)
	return t.work.records[key], err
}

// loadOpen reads the payments without a final verdict that devices made or shall get.
func (t *txn) loadOpen(ids []message.DeviceID) error {
	unread := store.Set{Columns: []store.Field{{Name: "id", Type: store.Text}}}
	for _, id := range ids {
		if _, known := t.work.open[id]; !known {
			t.work.open[id] = t.work.fresh[id]
			unread.Add(string(id))
		}
	}
	for _, side := range []struct {
		of    func(*payment) message.DeviceID
		query string
	}{
		{func(p *payment) message.DeviceID { return p.payer }, "p.payer = $1"},
		{func(p *payment) message.DeviceID { return p.payee }, "p.payee = $1"},
	} {
		if err := t.find(&unread, func(row store.Row) error {
			p, err := scanPayment(row)
			if err != nil {
				return err
			}
			p = t.work.adopt(p)
			t.work.open[side.of(p)] = append(t.work.open[side.of(p)], p)
			return nil
		}, paymentColumns+"WHERE p.verdict IN (1, 2) AND "+side.query); err != nil {
			return err
		}
	}
	return nil
}

// isOpen reports whether a payment has no final verdict.
func (p *payment) isOpen() bool {
	return p.verdict == notary.Reserved || p.verdict == notary.Waiting
}

func byArrival(a, b *payment) int { return cmp.Compare(a.n, b.n) }
