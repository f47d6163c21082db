package settlement

import "ekrona.example/apdu/message"

// preload reads what the facts of a batch are about by one query for each kind of row, instead of
// by one query for each row when its turn comes.
func (t *txn) preload(facts []*fact) error {
	var devices []message.DeviceID
	var requests []requestKey
	var records []recordKey
	record := func(device message.DeviceID, seq uint32) {
		// the next one shows whether the chain goes on
		records = append(records, recordKey{device, seq}, recordKey{device, seq + 1})
	}
	for _, f := range facts {
		devices = append(devices, f.devices()...)
		if p := f.payment; p != nil {
			requests = append(requests, requestKey{p.Request.Payee, p.Request.Number})
			record(p.Payer, p.ATC)
		}
		if r := f.receipt; r != nil {
			requests = append(requests, requestKey{r.Payee, r.Number})
			record(r.Payee, r.ATC)
		}
		if r := f.refusal; r != nil {
			requests = append(requests, requestKey{r.Payee, r.Number})
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
	if err := t.loadRequests(requests...); err != nil {
		return err
	}
	return t.loadRecords(records...)
}
