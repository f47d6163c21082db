package audit

import (
	"context"
	"maps"
	"slices"

	"ekrona/apdu/message"
	"ekrona/host/store"
)

// Clones returns the devices, in order, whose key has signed what one device never signs, judged by
// the messages that the central bank holds: two records of one number or, a card's, which counts
// them, two Requests of one number.
func (a *Auditor) Clones(ctx context.Context, q store.Queryer) ([]string, error) {
	f, err := a.read(ctx, q, true, nil)
	if err != nil {
		return nil, err
	}
	s := &signed{facts: f, records: map[number]message.Hash{}, requests: map[number]message.Hash{},
		clones: map[string]bool{}}
	for _, p := range f.payments {
		if err := s.payment(p); err != nil {
			return nil, err
		}
	}
	for _, v := range f.answers {
		s.payeeAnswer(v)
	}
	return slices.Sorted(maps.Keys(s.clones)), nil
}

// number is that of a device's record or Request.
type number struct {
	device string
	number uint32
}

// signed is what each device was seen to have signed under its numbers.
type signed struct {
	*facts
	records, requests map[number]message.Hash
	clones            map[string]bool
}

func (s *signed) add(seen map[number]message.Hash, n number, identity message.Hash) {
	if other, known := seen[n]; known && other != identity {
		s.clones[n.device] = true
	}
	seen[n] = identity
}

func (s *signed) by(id string, m message.Message) bool {
	d := s.devices[id]
	return d != nil && message.VerifyAs(m, 0, d.key) == nil
}

func (s *signed) payment(p *payment) error {
	if s.by(p.payer(), p.message) {
		s.add(s.records, number{p.payer(), p.message.ATC}, p.identity)
	}
	if asked := &p.message.Request; s.counts(p.payee()) && s.by(p.payee(), asked) {
		identity, err := message.Identity(asked)
		if err != nil {
			return err
		}
		s.add(s.requests, number{p.payee(), asked.Number}, identity)
	}
	return nil
}

func (s *signed) payeeAnswer(v *payeeAnswer) {
	if !s.by(v.payee(), v.message()) {
		return
	}
	s.add(s.records, number{v.payee(), v.seq()}, v.identity)
	if v.refusal != nil && s.counts(v.payee()) {
		s.add(s.requests, number{v.payee(), v.refusal.Number}, v.refusal.Request)
	}
}

// counts reports whether the device numbers its Requests consecutively.
func (s *signed) counts(id string) bool {
	d := s.devices[id]
	return d != nil && d.role.CanPay()
}
