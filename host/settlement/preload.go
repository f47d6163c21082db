package settlement

import "ekrona/apdu/message"

// preload reads what the facts of a batch are about by one query for each kind of row, instead of
// by one query for each row when its turn comes.
func (t *txn) preload(facts []*fact) error {
	var devices []message.DeviceID
	var payments, answers [][]byte
	var requests, refusals []requestKey
	var records []recordKey
	record := func(device message.DeviceID, seq uint32) {
		// the next one shows whether the chain goes on
		records = append(records, recordKey{device, seq}, recordKey{device, seq + 1})
	}
	for _, f := range facts {
		devices = append(devices, f.devices()...)
		if p := f.payment; p != nil {
			payments = append(payments, f.identity[:])
			requests = append(requests, requestKey{p.Request.Payee, p.Request.Number})
			record(p.Payer, p.ATC)
		}
		if r := f.receipt; r != nil {
			payments = append(payments, r.Payment[:])
			answers = append(answers, f.answer[:])
			requests = append(requests, requestKey{r.Payee, r.Number})
			record(r.Payee, r.ATC)
		}
		if r := f.refusal; r != nil {
			answers = append(answers, f.answer[:])
			requests = append(requests, requestKey{r.Payee, r.Number})
			refusals = append(refusals, requestKey{r.Payee, r.Number})
			record(r.Payee, r.ATC)
		}
	}
	for _, load := range []func() error{
		func() error { return t.loadDevices(devices...) },
		func() error { return t.loadPayments(payments...) },
		func() error { return t.loadAnswers(answers, payments) },
		func() error { return t.loadRequests(requests...) },
		func() error { return t.loadRecords(records...) },
	} {
		if err := load(); err != nil {
			return err
		}
	}
	for _, key := range requests {
		if d := t.work.devices[key.payee]; d != nil && d.role.CanPay() {
			refusals = append(refusals, key)
		}
	}
	return t.loadRefusals(refusals...)
}
