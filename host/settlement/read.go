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

// paymentKey names a Payment: by its Request, under which it is found, and its identity.
type paymentKey struct {
	requestKey
	identity []byte // nil: no Payment
}

// keyOf returns the key of a Payment with an identity.
func keyOf(p *message.Payment, identity message.Hash) paymentKey {
	return paymentKey{requestKey{p.Request.Payee, p.Request.Number}, identity[:]}
}

// requestRows is what is held about one Request.
type requestRows struct {
	payments []*payment // in order of arrival
	decision *decisionRow
	answers  []answerRow // in order of arrival
}

type decisionRow struct {
	payment []byte // nil for a refusal
	answer  []byte // nil when the end of the payee's device decided
}

// answerRow is a Receipt or Refusal that is held.
type answerRow struct {
	identity message.Hash
	payment  []byte       // that a Receipt accepts; nil for a Refusal
	refused  message.Hash // Request of a Refusal
}

// holds reports whether an answer is held.
func (r *requestRows) holds(answer message.Hash) bool {
	return slices.ContainsFunc(r.answers,
		func(a answerRow) bool { return a.identity == answer })
}

// recordKey names a record of a device.
type recordKey struct {
	device message.DeviceID
	seq    uint32
}

type recordRow struct {
	recordKey
	identity []byte
	head     []byte     // of the chain up to here; nil while one before it is not held
	accepts  paymentKey // Payment of an accept record
	isNew    bool       // it is not written
}

// adopt returns the payment as it is known already, or makes it known.
func (w *work) adopt(p *payment) *payment {
	if known := w.numbered[p.n]; known != nil {
		return known
	}
	w.numbered[p.n] = p
	return p
}

// payment returns a payment; nil when the notary does not hold it.
func (t *txn) payment(key paymentKey) (*payment, error) {
	about, err := t.request(key.requestKey)
	if err != nil {
		return nil, err
	}
	for _, p := range about.payments {
		if bytes.Equal(p.identity, key.identity) {
			return p, nil
		}
	}
	return nil, nil
}

// current returns a payment as it is known now, which may have been read again.
func (t *txn) current(p *payment) (*payment, error) {
	if known := t.work.numbered[p.n]; known != nil {
		return known, nil
	}
	return t.payment(paymentKey{p.about(), p.identity})
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
	about, err := t.request(p.about())
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
		about := t.work.requests[p.about()]
		about.payments = append(about.payments, t.work.adopt(p))
		return nil
	}, paymentColumns+"WHERE p.payee = $1 AND p.request = $2")
	if err != nil {
		return err
	}
	for _, key := range keys {
		slices.SortFunc(t.work.requests[key].payments, byArrival)
	}
	err = t.find(&unread, func(row store.Row) error {
		var key requestKey
		decision := &decisionRow{}
		err := row.Scan(&key.payee, &key.number, &decision.payment, &decision.answer)
		if err == nil {
			t.work.requests[key].decision = decision
		}
		return err
	}, "SELECT payee, request, payment, answer FROM payee_decision WHERE payee = $1 AND "+
		"request = $2")
	if err != nil {
		return err
	}
	return t.find(&unread, func(row store.Row) error {
		var key requestKey
		var identity, refusal []byte
		answer := answerRow{}
		err := row.Scan(&key.payee, &key.number, &identity, &answer.payment, &refusal)
		if err != nil {
			return err
		}
		answer.identity = message.Hash(identity)
		if refusal != nil {
			m, _, err := parse[message.Refusal](refusal)
			if err != nil {
				return store.Failed(err)
			}
			answer.refused = m.Request
		}
		about := t.work.requests[key]
		about.answers = append(about.answers, answer)
		return nil
	}, `SELECT payee, request, identity, payment, CASE WHEN payment IS NULL THEN bytes END
		FROM payee_answer WHERE payee = $1 AND request = $2 ORDER BY n`)
}

// request returns what is held about a Request.
func (t *txn) request(key requestKey) (*requestRows, error) {
	err := t.loadRequests(key)
	return t.work.requests[key], err
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

// accepting returns how many Receipts accept a payment. Those that name another Request than it,
// which no honest device signs, accept nothing.
func (t *txn) accepting(p *payment) (n int64, err error) {
	about, err := t.request(p.about())
	if err != nil {
		return 0, err
	}
	for _, a := range about.answers {
		if bytes.Equal(a.payment, p.identity) {
			n++
		}
	}
	return n, nil
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
		err := row.Scan(&r.device, &r.seq, &r.identity, &r.head, &r.accepts.number,
			&r.accepts.identity)
		if err == nil {
			r.accepts.payee = r.device
			t.work.records[r.recordKey] = r
		}
		return err
	}, `SELECT r.device, r.seq, r.identity, r.head, coalesce(v.request, 0), v.payment FROM record r
		LEFT JOIN payee_answer v ON v.payee = r.device AND v.seq = r.seq AND v.identity = r.identity
		WHERE r.device = $1 AND r.seq = $2`)
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

// mayMove reports whether a payment has no final verdict, and the netting under way has not taken
// it: nothing else moves what that has taken.
func (p *payment) mayMove() bool { return p.isOpen() && p.netting == free }

func byArrival(a, b *payment) int { return cmp.Compare(a.n, b.n) }
