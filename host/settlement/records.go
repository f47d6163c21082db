package settlement

import (
	"bytes"

	"ekrona/apdu/message"
	"ekrona/apdu/signature"
	"ekrona/host/store"
)

// record stores identity as the device's record number seq. When the notary already holds another
// one there, it keeps that one and returns its identity: two records of one number are two devices
// with one key.
func (t *txn) record(
	device message.DeviceID, seq uint32, identity message.Hash,
) (other []byte, err error) {
	var held []byte
	known, err := t.queryRow("SELECT identity FROM record WHERE device = $1 AND seq = $2",
		[]any{device, seq}, &held)
	if err != nil {
		return nil, err
	}
	if known {
		if bytes.Equal(held, identity[:]) {
			return nil, nil
		}
		return held, nil
	}
	if err := t.exec("INSERT INTO record (device, seq, identity) VALUES ($1, $2, $3)", device, seq,
		identity[:]); err != nil {
		return nil, err
	}
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
	head := message.Hash(d.heldHead)
	for atc := d.heldATC; ; {
		var identity []byte
		next, err := t.queryRow(`SELECT r.identity FROM record r LEFT JOIN payee_answer v ON
			v.identity = r.identity
			WHERE r.device = $1 AND r.seq = $2 AND (v.payment IS NULL OR EXISTS (SELECT 1 FROM
			payment p WHERE p.identity = v.payment))`,
			[]any{device, atc + 1}, &identity)
		if err != nil || !next {
			return err
		}
		atc, head = atc+1, message.NextHead(head, message.Hash(identity))
		if err := t.exec("UPDATE record SET head = $1 WHERE device = $2 AND seq = $3", head[:],
			device, atc); err != nil {
			return err
		}
		if err := t.exec("UPDATE device SET held_atc = $1, held_head = $2 WHERE id = $3", atc,
			head[:], device); err != nil {
			return err
		}
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
	var head []byte
	_, err := t.queryRow("SELECT head FROM record WHERE device = $1 AND seq = $2", []any{d.id, atc},
		&head)
	return head, err
}
