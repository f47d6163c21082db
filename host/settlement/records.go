package settlement

import (
	"bytes"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/store"
)

// record stores identity as the device's record number seq; accepts is the Payment of an accept
// record. When the notary already holds another one there, it keeps that one and returns its
// identity: two records of one number are two devices with one key.
func (t *txn) record(
	device message.DeviceID, seq uint32, identity message.Hash, accepts paymentKey,
) (other []byte, err error) {
	held, err := t.recordAt(device, seq)
	if err != nil {
		return nil, err
	}
	if held != nil {
		if bytes.Equal(held.identity, identity[:]) {
			return nil, nil
		}
		return held.identity, nil
	}
	fresh := &recordRow{recordKey: recordKey{device, seq}, identity: identity[:],
		accepts: accepts, isNew: true}
	t.work.records[fresh.recordKey] = fresh
	t.work.newRecords = append(t.work.newRecords, fresh)
	t.work.change()
	return nil, t.extendChain(device)
}

// extendChain extends the device's chain over the records that the notary holds whole, one after
// the other. An accept record is whole with its Payment: once acknowledged, the card drops it, and
// nobody else need have it.
func (t *txn) extendChain(device message.DeviceID) error {
	d, err := t.lookup(device)
	if err != nil || d == nil {
		return err
	}
	for {
		next, err := t.recordAt(device, d.heldATC+1)
		if err != nil || next == nil {
			return err
		}
		if next.accepts.identity != nil {
			if payment, err := t.payment(next.accepts); err != nil || payment == nil {
				return err
			}
		}
		head := message.NextHead(message.Hash(d.heldHead), message.Hash(next.identity))
		next.head = head[:]
		if !next.isNew {
			t.work.changedRecords = append(t.work.changedRecords, next)
		}
		t.work.changedDevices[d.id] = d
		t.work.change()
		d.heldATC, d.heldHead = d.heldATC+1, head[:]
	}
}

// headAt returns the head of the device's chain after its record atc; nil when the records up to
// there are not all held.
func (t *txn) headAt(d *device, atc uint32) ([]byte, error) {
	if atc == 0 {
		key, err := signature.ParsePoint(d.key)
		if err != nil {
			return nil, store.Failed(err)
		}
		head, err := message.FirstHead(d.id, key)
		return head[:], store.Failed(err)
	}
	r, err := t.recordAt(d.id, atc)
	if err != nil || r == nil {
		return nil, err
	}
	return r.head, nil
}
