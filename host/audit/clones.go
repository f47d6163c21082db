package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/store"
)

// Clones returns the devices, in order, whose key has signed what one device never signs, judged by
// the messages that the central bank holds: two records of one number or, a card's, which counts
// them, two Requests of one number.
func (a *Auditor) Clones(ctx context.Context, q store.Queryer) ([]string, error) {
	t, r := newTables(), &reader{ctx: ctx, q: q}
	t.devices.read(r, true, nil)
	s := &signed{devices: map[string]*device{}, records: map[numberedRow]message.Hash{},
		requests: map[numberedRow]message.Hash{}, clones: map[string]bool{}}
	for _, d := range t.devices.rows {
		s.devices[d.id] = d
	}
	// Each message is verified, and kept no longer.
	for _, of := range []struct {
		table string
		look  func(encoded []byte) error
	}{{t.payments.name, s.payment}, {t.answers.name, s.payeeAnswer}} {
		r.each(func(row store.Row) error {
			var encoded []byte
			if err := row.Scan(&encoded); err != nil {
				return err
			}
			return of.look(encoded)
		}, "SELECT bytes FROM "+of.table+" WHERE archive IS NULL")
	}
	// Of those in archives the rows say what they were.
	for _, query := range []string{
		"SELECT payer, atc, identity FROM payment WHERE archive IS NOT NULL",
		"SELECT payee, seq, identity FROM payee_answer WHERE archive IS NOT NULL",
	} {
		r.each(func(row store.Row) error { return s.archived(s.records, row) }, query)
	}
	r.each(func(row store.Row) error { return s.archived(s.requests, row) },
		"SELECT payee, request, asked FROM payment WHERE archive IS NOT NULL")
	return slices.Sorted(maps.Keys(s.clones)), r.err
}

// signed is what each device was seen to have signed under its numbers.
type signed struct {
	devices           map[string]*device
	records, requests map[numberedRow]message.Hash
	clones            map[string]bool
}

func (s *signed) add(seen map[numberedRow]message.Hash, n numberedRow, identity message.Hash) {
	if other, known := seen[n]; known && other != identity {
		s.clones[n.device] = true
	}
	seen[n] = identity
}

// archived adds a message whose body is in an archive.
func (s *signed) archived(seen map[numberedRow]message.Hash, row store.Row) error {
	var of numberedRow
	var identity []byte
	if err := row.Scan(&of.device, &of.number, &identity); err != nil {
		return err
	}
	h, err := hashOf(identity)
	if err != nil {
		return fmt.Errorf("an archived message of %s/%d: %w", of.device, of.number, err)
	}
	s.add(seen, of, h)
	return nil
}

func (s *signed) by(id message.DeviceID, m message.Message) bool {
	d := s.devices[string(id)]
	return d != nil && message.VerifyAs(m, 0, d.key) == nil
}

func (s *signed) payment(encoded []byte) error {
	p, err := message.Parse[message.Payment](encoded)
	if err != nil {
		return err
	}
	if s.by(p.Payer, p) {
		identity, err := message.Identity(p)
		if err != nil {
			return err
		}
		s.add(s.records, numberedRow{string(p.Payer), p.ATC}, identity)
	}
	if asked := &p.Request; s.counts(asked.Payee) && s.by(asked.Payee, asked) {
		identity, err := message.Identity(asked)
		if err != nil {
			return err
		}
		s.add(s.requests, numberedRow{string(asked.Payee), asked.Number}, identity)
	}
	return nil
}

func (s *signed) payeeAnswer(encoded []byte) error {
	v := &payeeAnswer{bytes: encoded}
	m, err := v.message()
	if err != nil {
		return err
	}
	identity, err := message.Identity(m)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *message.Receipt:
		if s.by(m.Payee, m) {
			s.add(s.records, numberedRow{string(m.Payee), m.ATC}, identity)
		}
	case *message.Refusal:
		if s.by(m.Payee, m) {
			s.add(s.records, numberedRow{string(m.Payee), m.ATC}, identity)
			if s.counts(m.Payee) {
				s.add(s.requests, numberedRow{string(m.Payee), m.Number}, m.Request)
			}
		}
	}
	return nil
}

// counts reports whether the device numbers its Requests consecutively.
func (s *signed) counts(id message.DeviceID) bool {
	d := s.devices[string(id)]
	return d != nil && d.role.CanPay()
}
