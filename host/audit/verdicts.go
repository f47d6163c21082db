package audit

import (
	"crypto/ecdsa"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
)

// invariant5One: one verdict for a payment; at most one settled payment for a request, and it is
// the one that the payee's decision names; one body for an honest (payer, atc) and for a (device,
// instrSeq).
func invariant5One(s *auditRun) {
	bodies := make(map[numberedRow]*payment, len(s.payments))
	settled := make(map[requested]*payment, len(s.payments))
	for _, p := range s.payments {
		if p.keptAsOther {
			s.violated(p.name(), 0, "its row says other than its body")
		}
		n := numberedRow{p.payer, p.atc}
		if other := bodies[n]; other != nil && other.signatureStatus == 0 &&
			p.signatureStatus == 0 {
			s.violated(p.name(), 0, "two first bodies are held")
		}
		if s.honest.Has(p.payer) && p.signatureStatus == 1 {
			s.violated(p.name(), 0, "an honest device has two bodies for one number")
		}
		if p.signatureStatus == 0 {
			bodies[n] = p
		}
		w, decided := s.decisions[p.requested]
		named := w.payment != nil && *w.payment == p.identity
		if p.paid() {
			if other := settled[p.requested]; other != nil {
				s.violated(p.name(), p.amount, "its request is paid by %s too", other.name())
			}
			settled[p.requested] = p
		}
		if p.paid() && !named || p.verdict == notary.Void && named && p.signatureStatus < 2 ||
			p.verdict == notary.Reserved && decided {
			s.violated(p.name(), p.amount, "is %s, the payee's decision says otherwise",
				p.verdict)
		}
	}
	for _, i := range s.instructions {
		if i.named != i.numberedRow {
			s.violated(i.name(), 0, "is kept as instruction %s/%d", i.device, i.number)
		}
		if i.keptAsOther {
			s.violated(i.name(), 0, "its row says other than its body")
		}
	}
	for _, v := range s.answers {
		if v.keptAsOther {
			s.violated(numbered("answer to request ", v.about.payee, v.about.number), 0,
				"its row says other than its body")
		}
	}
}

// invariant5Applied: an honest device has applied the Instruction that is held.
func invariant5Applied(s *auditRun, id string, d Device) {
	for _, i := range s.rowsOf(id).instructions {
		if i.number == d.State.InstructionSequence && d.State.LastInstruction != i.identity {
			s.violated(i.name(), 0, "the device applied another body")
		}
	}
}

// invariant8Survives: what was acknowledged survives. A record that a device was instructed to drop
// is held, whole, and makes up the device's chain together with those that it keeps; what a device
// has given out is one of its records.
func invariant8Survives(s *auditRun, id string, d Device) {
	s.checkChain(id, d)
	s.checkSent(id, d)
}

// invariant8Final: nothing that was final at the last look is gone or otherwise.
func invariant8Final(s *auditRun) {
	before := s.auditor.before
	if before == nil {
		return
	}
	for _, old := range before.payments {
		now := s.byIdentity[old.identity]
		if now == nil || old.verdict.Final() && now.verdict != old.verdict {
			s.violated(old.name(), old.amount, "was %s and is not any more", old.verdict)
		}
	}
	for key, old := range before.decisions {
		now, decided := s.decisions[key]
		if !decided || (now.payment == nil) != (old.payment == nil) || now.payment != nil &&
			*now.payment != *old.payment {
			s.violated(fmt.Sprintf("request %s/%d", key.payee, key.number), 0,
				"the payee's decision changed")
		}
	}
	if len(s.answers) < before.answers || len(s.statement) < before.statementEntries ||
		len(s.instructions) < len(before.instructions) {
		s.violated("central bank", 0, "receipts, statement entries or instructions are gone")
	}
	for n, old := range before.instructions {
		if n < len(s.instructions) && len(s.instructions) == len(before.instructions) &&
			s.instructions[n].identity != old.identity {
			s.violated(old.name(), 0, "has another body now")
		}
	}
}

// checkSent: a device keeps a message before it sends it, until the notary holds it.
func (s *auditRun) checkSent(id string, d Device) {
	kept := map[message.Hash]bool{}
	if len(d.Sent) > 0 {
		for _, r := range d.Records {
			if identity, err := message.Identity(r.Message()); err == nil {
				kept[identity] = true
			}
		}
	}
	for _, identity := range d.Sent {
		if !kept[identity] && !s.decided[identity] && s.byIdentity[identity] == nil {
			s.violated(id, 0, "has given out %x, and neither it nor the notary holds it",
				identity[:4])
		}
	}
	if d.LastRequest > d.State.RequestCounter {
		s.violated(id, 0, "has given out Request %d, and has counted to %d", d.LastRequest,
			d.State.RequestCounter)
	}
}

// checkChain follows the device's chain over the acknowledged records, as the notary holds them,
// and over those on the device.
func (s *auditRun) checkChain(id string, d Device) {
	row := s.devices[id]
	if row == nil {
		return
	}
	own := map[uint32]message.Hash{}
	for _, p := range s.rowsOf(id).paid {
		if p.signatureStatus == 0 {
			own[p.atc] = p.identity
		}
	}
	for _, v := range s.rowsOf(id).answers {
		if v.accepts != nil && s.acceptedIn(v) == nil && v.seq <= d.State.AckedATC {
			s.violated(id, 0, "record %d is acknowledged and its Payment is not held", v.seq)
		}
		own[v.seq] = v.identity
	}
	head, err := message.FirstHead(message.DeviceID(id), row.key)
	if err != nil {
		s.violated(id, 0, "has no chain: %v", err)
		return
	}
	for atc := uint32(1); atc <= d.State.AckedATC; atc++ {
		identity, held := own[atc]
		if !held {
			s.violated(id, 0, "record %d is acknowledged and not held", atc)
			return
		}
		head = message.NextHead(head, identity)
	}
	for _, r := range d.Records {
		identity, err := message.Identity(r.Message())
		if held, known := own[r.ATC()]; err != nil || known && held != identity {
			s.violated(id, 0, "record %d is another one at the notary", r.ATC())
		}
	}
	if got, err := message.Follow(head, d.State.AckedATC, d.Records); err != nil ||
		got != d.State.Head {
		s.violated(id, 0, "its head is not that of the records held and kept")
	}
}

// invariant9Authentic: a credit only after a matching authentic debit. Every payment that moved
// money is signed by its payer's key, every decision that moved it by the payee's, unless the
// payee's device has ended. Every refund received was paid, by the terminal's side.
func invariant9Authentic(s *auditRun) {
	for _, p := range s.payments {
		if !p.paid() && p.fromShadow == 0 {
			continue
		}
		keys := s.unregistered[p.payer]
		if d := s.devices[p.payer]; d != nil && p.signatureStatus < 2 {
			keys = []*ecdsa.PublicKey{d.key}
		}
		if !s.auditor.signed(p, keys) {
			s.violated(p.name(), p.amount, "moved money and no key of the payer signed it")
		}
		if p.paid() {
			s.checkDecision(p)
		}
	}
	s.checkRefunds()
}

// invariant9Accepted: what an honest device has accepted from a registered one that is honest is
// signed by that one's key, unless its intermediary has certified another for it. It is about the
// records that the device still keeps; the others are with the notary.
func invariant9Accepted(s *auditRun, id string, d Device) {
	if !s.auditor.HonestCAs {
		return
	}
	for _, r := range d.Records {
		if r.Receipt == nil {
			continue
		}
		payer := s.devices[string(r.Payment.Payer)]
		if payer == nil || !s.honest.Has(payer.id) {
			continue
		}
		if !s.auditor.signed(unseen(r.Payment), []*ecdsa.PublicKey{payer.key}) {
			s.violated(id, r.Payment.Request.Amount,
				"has accepted payment %s/%d, which the payer's key has not signed",
				r.Payment.Payer, r.Payment.ATC)
		}
	}
}

func (s *auditRun) checkDecision(p *payment) {
	payee := s.devices[p.payee]
	w, decided := s.decisions[p.requested]
	switch {
	case payee == nil || !decided:
		s.violated(p.name(), p.amount,
			"is paid to a payee that is not registered or has not decided")
	case w.answer == nil && payee.status != notary.Ended:
		s.violated(p.name(), p.amount, "is paid without the payee's decision")
	case w.answer != nil && (s.acceptedIn(w.answer) != p || !s.auditor.signed(w.answer,
		[]*ecdsa.PublicKey{payee.key})):
		s.violated(p.name(), p.amount,
			"is paid on a receipt that is not the payee's or not for it")
	}
}

// signedRow is a row with a message whose signature counts.
type signedRow interface {
	message() (message.Message, error)
	id() message.Hash
	drop() // the message: its signature was found good
	// isArchived reports whether the message is in an archive's file, against which package archive
	// verifies it; here the row is taken for it.
	isArchived() bool
}

// signed verifies each message once.
func (a *Auditor) signed(row signedRow, keys []*ecdsa.PublicKey) bool {
	if a.verified[row.id()] || row.isArchived() {
		row.drop()
		return true
	}
	m, err := row.message()
	if err != nil {
		return false
	}
	if !signedByAny(m, keys) {
		return false
	}
	a.verified[row.id()] = true
	row.drop()
	return true
}

// signedByAny reports whether one of the keys has signed a message: some may be unknown (nil).
func signedByAny(m message.Message, keys []*ecdsa.PublicKey) bool {
	for _, key := range keys {
		if key != nil && message.VerifyAs(m, 0, key) == nil {
			return true
		}
	}
	return false
}
