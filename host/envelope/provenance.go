package envelope

import (
	"bytes"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// MaxProvenance is how many records come beside a Payment at most: those of two weeks in which its
// payer was paid twice a day, and of who paid its payer.
const MaxProvenance = 64

// objectsOfRecord is how many data objects an accept record has: two signed messages.
const objectsOfRecord = 2 * messageObjects

// Funding returns the accept records among those given that may have funded what a device pays: by
// which it was paid itself, by which its payers were paid, and so on, the nearest first, each once,
// at most MaxProvenance. What is no accept record is left out. Nothing is verified: who settles
// does that.
func Funding(payer message.DeviceID, records [][]byte) (funding [][]byte) {
	received := map[message.DeviceID][][]byte{}
	payers := map[string]message.DeviceID{}
	for _, encoded := range records {
		record, err := message.ParseRecord(encoded)
		if err != nil || record.Receipt == nil || payers[string(encoded)] != "" {
			continue
		}
		payee := record.Receipt.Payee
		received[payee] = append(received[payee], encoded)
		payers[string(encoded)] = record.Payment.Payer
	}
	seen := map[message.DeviceID]bool{payer: true}
	for next := []message.DeviceID{payer}; len(next) > 0; next = next[1:] {
		for _, encoded := range received[next[0]] {
			if len(funding) == MaxProvenance {
				return funding
			}
			funding = append(funding, encoded)
			if from := payers[string(encoded)]; !seen[from] {
				seen[from], next = true, append(next, from)
			}
		}
	}
	return funding
}

// cutProvenance divides what a text holds before a crisis order: the envelope's own bytes, and the
// records beside them.
func cutProvenance(content []byte) (own []byte, records [][]byte, err error) {
	r := tlv.NewReader(content)
	for n := 0; !r.Empty() && (n < messageObjects || !r.At(spec.TagReceipt)); n++ {
		if _, err := r.Next(); err != nil {
			return content, nil, nil // its reader says what is wrong
		}
	}
	own = content[:len(content)-len(r.Rest())]
	for !r.Empty() {
		if len(records) == MaxProvenance {
			return nil, nil, fmt.Errorf("envelope: more than %d records beside a Payment: ask for "+
				"it without them", MaxProvenance)
		}
		var parts [objectsOfRecord][]byte
		for n := range parts {
			object, err := r.Next()
			if err != nil {
				return nil, nil, fmt.Errorf("envelope: record beside a Payment: %w", err)
			}
			parts[n] = object.Raw
		}
		record := bytes.Join(parts[:], nil)
		if _, err := message.ParseRecord(record); err != nil {
			return nil, nil, fmt.Errorf("envelope: record beside a Payment: %w", err)
		}
		records = append(records, record)
	}
	return own, records, nil
}
