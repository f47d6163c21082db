package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// Record is one record of a card's log, as READ RECORD gives it. Exactly one of
// these holds: Payment alone (paid), Receipt and Payment (accepted), Refusal
// alone (refused).
type Record struct {
	Receipt *Receipt
	Payment *Payment
	Refusal *Refusal
}

// Message is the card's own message in the record: what its chain hashes.
func (r Record) Message() Message {
	switch {
	case r.Receipt != nil:
		return r.Receipt
	case r.Payment != nil:
		return r.Payment
	case r.Refusal != nil:
		return r.Refusal
	}
	return nil
}

// ATC is the record's number in the card's log, from 1; 0 of an empty Record.
func (r Record) ATC() uint32 {
	switch {
	case r.Receipt != nil:
		return r.Receipt.ATC
	case r.Payment != nil:
		return r.Payment.ATC
	case r.Refusal != nil:
		return r.Refusal.ATC
	}
	return 0
}

// check refuses what is not one of the three records, and a Receipt that is not
// of the Payment beside it.
func (r Record) check() error {
	if r.Message() == nil || r.Refusal != nil && (r.Receipt != nil || r.Payment != nil) ||
		r.Receipt != nil && r.Payment == nil {
		return layout.Malformed("a record is a Payment, a Receipt and its Payment, or a Refusal")
	}
	if r.Receipt == nil {
		return nil
	}
	identity, err := Identity(r.Payment)
	if err != nil {
		return err
	}
	if r.Receipt.Payment != identity {
		return layout.Malformed("the Receipt in the record is not of the Payment beside it")
	}
	return nil
}

// Encode encodes the record.
func (r Record) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	out, err := Encode(r.Message())
	if err != nil || r.Receipt == nil {
		return out, err
	}
	payment, err := Encode(r.Payment)
	if err != nil {
		return nil, err
	}
	return append(out, payment...), nil
}

// ParseRecord decodes b, exactly.
func ParseRecord(b []byte) (Record, error) {
	var (
		rec Record
		err error
	)
	r := tlv.NewReader(b)
	switch {
	case r.At(spec.TagRefusal):
		rec.Refusal, err = Read[Refusal](r)
	case r.At(spec.TagReceipt):
		if rec.Receipt, err = Read[Receipt](r); err == nil {
			rec.Payment, err = Read[Payment](r)
		}
	default:
		rec.Payment, err = Read[Payment](r)
	}
	if err != nil {
		return Record{}, err
	}
	if err := layout.End(r); err != nil {
		return Record{}, err
	}
	if err := rec.check(); err != nil {
		return Record{}, err
	}
	return rec, nil
}
