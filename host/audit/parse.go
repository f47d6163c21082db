package audit

import (
	"fmt"
	"hash/fnv"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/notary"
)

func parseDevice(scan scanner) (*device, error) {
	var point, ceilings []byte
	d := &device{}
	if err := scan(&d.id, &d.intermediary, &d.role, &point, &ceilings, &d.slots,
		&d.status, &d.sums.reserved, &d.sums.unconfirmed, &d.sums.unpaid, &d.sums.accepted,
		&d.sums.unanswered, &d.sums.collected, &d.sums.swept, &d.sums.untaken,
		&d.lent, &d.group, &d.place, &d.netted); err != nil {
		return nil, err
	}
	if ceilings != nil {
		policy, err := message.ParsePolicy(ceilings)
		if err != nil {
			return nil, err
		}
		d.ceilings = &policy
	}
	var err error
	d.key, err = signature.ParsePoint(point)
	return d, err
}

func parseUnregistered(scan scanner) (s unregisteredCertificate, err error) {
	var point []byte
	if err := scan(&s.device, &point); err != nil {
		return s, err
	}
	s.key, err = signature.ParsePoint(point)
	return s, err
}

func parseAuthority(scan scanner) (*cvc.Certificate, error) {
	var raw []byte
	if err := scan(&raw); err != nil {
		return nil, err
	}
	return cvc.Parse(raw)
}

func (n names) parsePayment(scan scanner) (*payment, error) {
	p := &payment{}
	var archive *int64
	var payer, payee string
	var identity []byte
	if err := scan(&p.bytes, &p.signatureStatus, &p.verdict, &p.fromShadow, &p.fromHolding,
		&p.fromPool, &archive, &payer, &p.atc, &payee, &p.number, &p.amount,
		&identity, &p.netting); err != nil {
		return nil, err
	}
	if archive != nil {
		p.archived, p.payer, p.payee = true, n.of(payer), n.of(payee)
		var err error
		p.identity, err = hashOf(identity)
		return p, err
	}
	kept := [...]any{payer, p.atc, payee, p.number, p.amount, string(identity)}
	m, err := message.Parse[message.Payment](p.bytes)
	if err != nil {
		return nil, err
	}
	p.sum = sumOf(p.bytes)
	err = n.fill(p, m)
	p.keptAsOther = kept != [...]any{p.payer, p.atc, p.payee, p.number, p.amount,
		string(p.identity[:])}
	return p, err
}

// hashOf reads a hash of a row.
func hashOf(b []byte) (h message.Hash, err error) {
	if len(b) != len(h) {
		return h, fmt.Errorf("a hash has %d bytes, here are %d", len(h), len(b))
	}
	return message.Hash(b), nil
}

// hashOrNil is hashOf for a column that may be null.
func hashOrNil(b []byte) (*message.Hash, error) {
	if b == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	h, err := hashOf(b)
	return &h, err
}

// fill writes what a Payment says.
func (n names) fill(p *payment, m *message.Payment) (err error) {
	p.payer, p.atc, p.amount = n.of(string(m.Payer)), m.ATC, m.Request.Amount
	p.requested = requested{n.of(string(m.Request.Payee)), m.Request.Number}
	p.asked = m.Request.Date
	p.identity, err = message.Identity(m)
	return err
}

func (n names) parseAnswer(scan scanner) (*payeeAnswer, error) {
	v := &payeeAnswer{}
	var archive *int64
	var payee string
	var accepts, identity []byte
	if err := scan(&v.bytes, &archive, &payee, &v.about.number, &v.seq, &accepts,
		&identity); err != nil {
		return nil, err
	}
	payment, err := hashOrNil(accepts)
	if err != nil {
		return nil, err
	}
	if archive != nil && accepts != nil {
		v.archived, v.about.payee, v.accepts = true, n.of(payee), payment
		v.identity, err = hashOf(identity)
		return v, err
	}
	kept := [...]any{payee, v.about.number, v.seq, string(accepts), string(identity)}
	m, err := v.message()
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *message.Receipt:
		v.about, v.seq, v.accepts = requested{n.of(string(m.Payee)), m.Number}, m.ATC, &m.Payment
	case *message.Refusal:
		v.about, v.seq = requested{n.of(string(m.Payee)), m.Number}, m.ATC
	}
	v.sum = sumOf(v.bytes)
	v.identity, err = message.Identity(m)
	var accepted []byte
	if v.accepts != nil {
		accepted = v.accepts[:]
	}
	v.keptAsOther = kept != [...]any{v.about.payee, v.about.number, v.seq, string(accepted),
		string(v.identity[:])}
	return v, err
}

func (n names) parseDecision(scan scanner) (w decisionRow, err error) {
	var payment, decided []byte
	if err := scan(&w.request.payee, &w.request.number, &payment, &decided); err != nil {
		return w, err
	}
	w.request.payee = n.of(w.request.payee)
	if w.payment, err = hashOrNil(payment); err != nil {
		return w, err
	}
	w.answer, err = hashOrNil(decided)
	return w, err
}

func (n names) parseInstruction(scan scanner) (*instruction, error) {
	i := &instruction{}
	var outcome int
	var credit money.Ore
	var acked uint32
	var identity []byte
	if err := scan(&i.device, &i.number, &i.bytes, &outcome, &credit, &acked,
		&identity); err != nil {
		return nil, err
	}
	i.open, i.taken, i.untaken = outcome == outcomeOpen, outcome == outcomeTaken,
		outcome == outcomeUntaken
	m, err := message.Parse[message.Instruction](i.bytes)
	if err != nil {
		return nil, err
	}
	i.device, i.sum = n.of(i.device), sumOf(i.bytes)
	i.named = numberedRow{n.of(string(m.Device)), m.Sequence}
	i.by, i.acked, i.credit, i.date, i.policy, i.group = m.InstructionKey, m.AckedATC, m.Credit,
		m.Date, m.Policy, m.Group
	i.identity, err = message.Identity(m)
	i.keptAsOther = credit != i.credit || acked != i.acked ||
		string(identity) != string(i.identity[:])
	return i, err
}

// sumOf tells two forms of one message apart, of which only one is kept.
func sumOf(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b) // a hash writes everything
	return h.Sum64()
}

func (n names) parseEntry(scan scanner) (e entry, err error) {
	err = scan(&e.Kind, &e.intermediary, &e.Device, &e.Online, &e.Shadow, &e.Payer, &e.ATC,
		&e.Payee, &e.Order, &e.Instr)
	e.intermediary = n.of(e.intermediary)
	for _, id := range []*message.DeviceID{&e.Device, &e.Payer, &e.Payee} {
		*id = message.DeviceID(n.of(string(*id)))
	}
	if e.Kind != notary.RefundPaid && e.Kind != notary.RefundReceived {
		e.Order = "" // only refunds are paired by it
	}
	return e, err
}

func parseAccount(scan scanner) (a account, err error) {
	err = scan(&a.name, &a.balance)
	return a, err
}
