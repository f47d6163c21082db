package audit

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/hex"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

func (s *rowsRun) unregisteredRows() {
	s.unregistered = map[string][]*ecdsa.PublicKey{}
	s.each(func(row store.Row) error {
		var id, at string
		var point, raw []byte
		if err := row.Scan(&id, &point, &raw, &at); err != nil {
			return err
		}
		where := "the unregistered certificate of " + id
		s.moments(where, at)
		key, err := signature.ParsePoint(point)
		if err != nil {
			s.wrong(where, "its row has a key that is none: %v", err)
			return nil
		}
		if c := s.ofDevice(where, raw); c != nil {
			s.same(where, pair{"the name", id, string(c.Holder)})
			if !key.Equal(c.PublicKey) {
				s.wrong(where, "its row has another key than the certificate")
			}
		}
		s.unregistered[id] = append(s.unregistered[id], key)
		return nil
	}, "SELECT device, public_key, certificate, seen_at FROM unregistered_certificate")
}

// paymentRow is what the row of a Payment says beside its message.
type paymentRow struct {
	flowKey
	request               uint32
	identity, raw, asked  []byte
	signature             int
	verdict               notary.Verdict
	requested             bool
	fromHolding, fromPool money.Ore
	lent                  int64
	seen, final           string
	archive               *int64
	written               bool // in an archive that was written
	recorded              bool // under its number, as the payer's record
}

func (p *paymentRow) name() string { return paymentName(p.payer, p.atc) }

func (s *rowsRun) paymentRows() {
	s.final = map[string]bool{}
	s.each(func(row store.Row) error {
		p := &paymentRow{}
		if err := row.Scan(&p.payer, &p.atc, &p.payee, &p.request, &p.identity, &p.raw, &p.asked,
			&p.signature, &p.verdict, &p.requested, &p.fromHolding, &p.fromPool, &p.lent, &p.seen,
			&p.final, &p.archive, &p.written, &p.recorded); err != nil {
			return err
		}
		p.payer, p.payee = s.names.of(p.payer), s.names.of(p.payee)
		for n := len(s.unasked); n > 0 && s.unasked[n-1].seen > p.seen; n-- {
			s.unasked = s.unasked[:n-1] // the clock was set back: moments prove nothing
		}
		s.payment(p)
		if d := s.devices[p.payee]; d != nil && p.requested {
			d.known = true
		}
		return nil
	}, "SELECT payer, atc, payee, request, identity, bytes, asked, signature, verdict, requested, "+
		"from_holding, from_pool, lent, seen_at, "+text("final_at")+", archive, "+
		`EXISTS (SELECT 1 FROM archive_written a WHERE a.n = payment.archive),
		EXISTS (SELECT 1 FROM record r WHERE r.device = payment.payer AND r.seq = payment.atc
			AND r.identity = payment.identity) FROM payment ORDER BY n`)
	for _, p := range s.unasked {
		s.notRequested(p)
	}
	for of := range s.lent {
		s.wrong(of.String(), "the pool has lent %d öre for it, and there is no row of it",
			s.lent[of])
	}
}

func (s *rowsRun) payment(p *paymentRow) {
	s.moments(p.name(), p.seen, p.final)
	s.same(p.name(), pair{"whether it is decided", p.final != "", p.verdict.Final()})
	if p.final != "" {
		s.final[hex.EncodeToString(p.identity)] = true
	}
	if p.signature == 0 {
		s.same(p.name(), pair{"that it is the record of its number as", p.recorded, true},
			pair{"of the pool, in öre,", p.lent, s.lent[p.flowKey]})
		delete(s.lent, p.flowKey)
	} else {
		s.same(p.name(), pair{"of the pool, in öre,", p.lent, int64(0)})
	}
	if d := s.devices[p.payer]; d != nil && p.signature < 2 {
		d.owes.holding, d.owes.pool = d.owes.holding+p.fromHolding, d.owes.pool+p.fromPool
	}
	if p.signature > 2 && (p.verdict == notary.Settled || p.verdict == notary.Uncovered) {
		s.wrong(p.name(), "its row says that nobody is known to have signed it, and it is paid")
	}
	s.same(p.name(), pair{"an archive that was written", p.written, p.archive != nil},
		pair{"an identity of its Request, for its archive, in bytes,", len(p.asked),
			map[bool]int{true: len(message.Hash{})}[p.archive != nil]},
		pair{"whether its body is in an archive", len(p.raw) == 0, p.archive != nil})
	if p.archive != nil {
		return
	}
	m, err := message.Parse[message.Payment](p.raw)
	if err != nil {
		s.wrong(p.name(), "cannot be read: %v", err)
		return
	}
	s.paymentSigned(p, m, s.identity(p.name(), p.identity, m))
}

// paymentSigned holds what a row says of signatures against those of its message: the payer's, and
// that of the payee who asked for it. A payee that was registered later had asked as a stranger: it
// was not, when another payment that it requested came sooner, or when the moments say so and no
// later payment shows that the clock was set back meanwhile.
func (s *rowsRun) paymentSigned(p *paymentRow, m *message.Payment, identity message.Hash) {
	var keys []*ecdsa.PublicKey
	switch payer := s.devices[p.payer]; {
	case p.signature < 2 && payer != nil:
		keys = []*ecdsa.PublicKey{payer.key}
	case p.signature == 2:
		keys = s.unregistered[p.payer]
	}
	switch {
	case p.signature > 2:
	case !signedByAny(m, keys):
		s.wrong(p.name(), "its row says whose signature it has, and it has another")
	case p.payer == string(m.Payer):
		s.auditor.verified[identity] = true // for Check
	}
	payee := s.devices[p.payee]
	asked := payee != nil && (m.Request.Payer == "" || m.Request.Payer == m.Payer) &&
		(payee.role != spec.RoleDesk || m.Request.Payer != "" &&
			payee.intermediary == string(m.Payer.Name())) &&
		signedByAny(&m.Request, []*ecdsa.PublicKey{payee.key})
	switch {
	case p.requested && !asked, !p.requested && asked && payee.known:
		s.notRequested(p)
	case !p.requested && asked && payee.registered < p.seen:
		s.unasked = append(s.unasked, p)
	}
}

func (s *rowsRun) notRequested(p *paymentRow) {
	s.wrong(p.name(), "its row says requested: %t, and its Request says otherwise", p.requested)
}

func (s *rowsRun) answerRows() {
	s.each(func(row store.Row) error {
		var payee, at string
		var raw []byte
		var request uint32
		var archive *int64
		var written, decided, recorded bool
		if err := row.Scan(&payee, &request, &raw, &at, &archive, &written, &decided,
			&recorded); err != nil {
			return err
		}
		where := numbered("answer to request ", payee, request)
		s.moments(where, at)
		if !decided {
			s.wrong(where, "is held, and the payee's decision is gone")
		}
		s.same(where, pair{"that its number has a record as", recorded, true},
			pair{"an archive that was written", written, archive != nil},
			pair{"whether its body is in an archive", len(raw) == 0, archive != nil})
		d := s.registered(where, payee)
		if d == nil || archive != nil {
			return nil
		}
		m, by, err := message.ParseSigned(raw)
		if err != nil || string(by) != payee || !signedByAny(m, []*ecdsa.PublicKey{d.key}) {
			s.wrong(where, "is not signed by the payee's key")
		} else if identity, err := message.Identity(m); err == nil {
			s.auditor.verified[identity] = true // for Check
		}
		return nil
	}, `SELECT v.payee, v.request, v.bytes, v.seen_at, v.archive,
		EXISTS (SELECT 1 FROM archive_written a WHERE a.n = v.archive),
		EXISTS (SELECT 1 FROM payee_decision w WHERE w.payee = v.payee AND w.request = v.request),
		EXISTS (SELECT 1 FROM record r WHERE r.device = v.payee AND r.seq = v.seq)
		FROM payee_answer v`)
}

func (s *rowsRun) decisionRows() {
	s.each(func(row store.Row) error {
		var payee, at string
		var request uint32
		var payment, answer, held, accepts []byte
		if err := row.Scan(&payee, &request, &payment, &answer, &at, &held, &accepts); err != nil {
			return err
		}
		where := numbered("decision on request ", payee, request)
		s.moments(where, at)
		d := s.registered(where, payee)
		switch {
		case answer == nil && d != nil && d.status != notary.Ended:
			s.wrong(where, "is by nobody: the payee's device has not ended")
		case answer != nil && held == nil:
			s.wrong(where, "names an answer that is not held")
		case answer != nil && !bytes.Equal(payment, accepts):
			s.wrong(where, "its row says other than the answer that it names")
		}
		return nil
	}, `SELECT w.payee, w.request, w.payment, w.answer, w.at, v.identity, v.payment
		FROM payee_decision w LEFT JOIN payee_answer v ON v.payee = w.payee
		AND v.request = w.request AND v.identity = w.answer`)
}
