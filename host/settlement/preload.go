package settlement

import "ekrona.example/apdu/message"

// preload reads what the facts of a batch are about by one query for each kind of row, instead of
// by one query for each row when its turn comes.
func (t *txn) preload(facts []*fact) error {
	var devices []message.DeviceID
	var accepted, refused [][]byte
	var paid, receipts []*fact
	var requests, refusals []requestKey
	var records []recordKey
	record := func(device message.DeviceID, seq uint32) {
		// the next one shows whether the chain goes on
		records = append(records, recordKey{device, seq}, recordKey{device, seq + 1})
	}
	for _, f := range facts {
		devices = append(devices, f.devices()...)
		if p := f.payment; p != nil {
			paid = append(paid, f)
			requests = append(requests, requestKey{p.Request.Payee, p.Request.Number})
			record(p.Payer, p.ATC)
		}
		if r := f.receipt; r != nil {
			accepted, receipts = append(accepted, r.Payment[:]), append(receipts, f)
			requests = append(requests, requestKey{r.Payee, r.Number})
			record(r.Payee, r.ATC)
		}
		if r := f.refusal; r != nil {
			refused = append(refused, f.answer[:])
			requests = append(requests, requestKey{r.Payee, r.Number})
			refusals = append(refusals, requestKey{r.Payee, r.Number})
			record(r.Payee, r.ATC)
		}
	}
	if err := t.loadDevices(devices...); err != nil {
		return err
	}
	for _, id := range sorted(devices) {
		if d := t.work.devices[id]; d != nil { // its chain may go on, or still wait for this one
			records = append(records, recordKey{id, d.heldATC + 1})
		}
	}
	for _, load := range []func() error{
		func() error { return t.loadRequests(requests...) },
		func() error { return t.loadRecords(records...) },
		func() error { return t.loadAnswers(refused, accepted) },
	} {
		if err := load(); err != nil {
			return err
		}
	}
	// the payments of its Request are read, and the answers that accept it: others are not held
	for _, f := range paid {
		if _, known := t.work.payments[f.identity]; !known {
			t.work.payments[f.identity] = nil
		}
		if _, known := t.work.receipts[f.identity]; !known {
			accepted = append(accepted, f.identity[:])
		}
	}
	var unknown [][]byte
	for _, f := range receipts {
		if _, known := t.work.answers[f.answer]; !known {
			t.work.answers[f.answer] = false
		}
		unknown = append(unknown, f.receipt.Payment[:])
	}
	if err := t.loadPayments(unknown...); err != nil {
		return err
	}
	if err := t.loadAnswers(nil, accepted); err != nil {
		return err
	}
	for _, key := range requests {
		if d := t.work.devices[key.payee]; d != nil && d.role.CanPay() {
			refusals = append(refusals, key)
		}
	}
	return t.loadRefusals(refusals...)
}
