package audit

import (
	"fmt"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
)

// sums are what a device's row carries, so that its equation reads no history.
type sums struct {
	reserved    money.Ore // of payments that it made
	unconfirmed money.Ore // credits in Instructions that it has not confirmed
	unpaid      money.Ore // amounts of its first bodies, less what its wallet paid for any body
	accepted    money.Ore // open payments, once for each of its Receipts
	unanswered  money.Ore // settled to it without its Receipt
	collected   money.Ore // settled to it
	swept       money.Ore // out of its wallet to owner, holding or pool, less refunds and loans
	untaken     money.Ore // credits not taken and not released
}

// differing returns the sums that differ from others, and what those are.
func (s sums) differing(others sums) (own, theirs string) {
	var both [2][]string
	for _, f := range []struct {
		name       string
		own, other money.Ore
	}{
		{"reserved", s.reserved, others.reserved},
		{"unconfirmed", s.unconfirmed, others.unconfirmed},
		{"unpaid", s.unpaid, others.unpaid}, {"accepted", s.accepted, others.accepted},
		{"unanswered", s.unanswered, others.unanswered},
		{"collected", s.collected, others.collected}, {"swept", s.swept, others.swept},
		{"untaken", s.untaken, others.untaken},
	} {
		if f.own != f.other {
			both[0] = append(both[0], fmt.Sprint(f.name, " ", f.own))
			both[1] = append(both[1], fmt.Sprint(f.name, " ", f.other))
		}
	}
	return strings.Join(both[0], ", "), strings.Join(both[1], ", ")
}

// acceptance names the Receipts of a payee for a payment.
type acceptance struct {
	payment message.Hash
	about   requested
}

// invariant2Sums: the sums in every device's row, for the equation of invariant 2, are those over
// all rows.
func invariant2Sums(s *auditRun) {
	full := make(map[string]*sums, len(s.devices))
	for id := range s.devices {
		full[id] = &sums{}
	}
	of := func(id string) *sums {
		if known := full[id]; known != nil {
			return known
		}
		return &sums{} // of nobody that is registered
	}
	receipts := make(map[acceptance]int, len(s.answers))
	for _, v := range s.answers {
		if v.accepts != nil {
			receipts[acceptance{*v.accepts, v.about}]++
		}
	}
	for _, p := range s.payments {
		made, got := of(p.payer), of(p.payee)
		if p.verdict == notary.Reserved {
			made.reserved += p.amount
		}
		switch p.signatureStatus {
		case 0:
			made.unpaid += p.amount - p.fromShadow
		case 1:
			made.unpaid -= p.fromShadow
		}
		answers := receipts[acceptance{p.identity, p.requested}]
		switch {
		case p.paid():
			got.collected += p.amount
			if answers == 0 {
				got.unanswered += p.amount
			}
		case p.verdict == notary.Reserved, p.verdict == notary.Waiting:
			got.accepted += p.amount * money.Ore(answers)
		}
	}
	released := map[numberedRow]bool{}
	for n := range s.statement {
		e := &s.statement[n]
		switch e.Kind {
		case notary.Released:
			released[numberedRow{string(e.Device), e.Instr}] = true
		case notary.Swept, notary.HoldingRepaid, notary.PoolRepaid, notary.RefundReceived,
			notary.PoolLent, notary.PoolReturned:
			of(string(e.Device)).swept -= e.Shadow
		}
	}
	for _, i := range s.instructions {
		switch {
		case i.open:
			of(i.device).unconfirmed += i.credit
		case i.untaken && !released[i.numberedRow]:
			of(i.device).untaken += i.credit
		}
	}
	for id, row := range s.devices {
		if row.sums != *full[id] {
			carries, say := row.sums.differing(*full[id])
			s.violated(id, 0, "its row carries %s, and all rows say %s", carries, say)
		}
	}
}
