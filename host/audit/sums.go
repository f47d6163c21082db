package audit

import (
	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/notary"
)

// sums are what a device's row carries, so that its equation reads no history.
type sums struct {
	reserved    money.Ore // of payments that it made
	unconfirmed money.Ore // credits in Instructions that it has not confirmed
	unpaid      money.Ore // amounts of its first bodies, less what its wallet paid for any body
	accepted    money.Ore // open payments, once for each of its Receipts
	unanswered  money.Ore // settled to it without its Receipt
	collected   money.Ore // settled to it
	swept       money.Ore // out of its wallet to owner, holding or pool; refunds into it are less
	untaken     money.Ore // credits not taken and not released
}

// checkSums: the sums in every device's row are those over all rows.
func (s *auditRun) checkSums() {
	full := map[string]*sums{}
	for id := range s.devices {
		full[id] = &sums{}
	}
	of := func(id string) *sums {
		if known := full[id]; known != nil {
			return known
		}
		return &sums{} // of nobody that is registered
	}
	receipts := map[message.Hash]map[string]int{} // how many of a payee accept a payment
	for _, v := range s.answers {
		if v.receipt != nil {
			if receipts[v.receipt.Payment] == nil {
				receipts[v.receipt.Payment] = map[string]int{}
			}
			receipts[v.receipt.Payment][v.payee()]++
		}
	}
	for _, p := range s.payments {
		made, got := of(p.payer()), of(p.payee())
		if p.verdict == notary.Reserved {
			made.reserved += p.amount()
		}
		switch p.signatureStatus {
		case 0:
			made.unpaid += p.amount() - p.fromShadow
		case 1:
			made.unpaid -= p.fromShadow
		}
		answers := receipts[p.identity][p.payee()]
		switch {
		case p.paid():
			got.collected += p.amount()
			if answers == 0 {
				got.unanswered += p.amount()
			}
		case p.verdict == notary.Reserved, p.verdict == notary.Waiting:
			got.accepted += p.amount() * money.Ore(answers)
		}
	}
	released := map[string]bool{}
	for _, e := range s.statement {
		switch e.Kind {
		case notary.Released:
			released[instructionName(string(e.Device), e.Instr)] = true
		case notary.Swept, notary.HoldingRepaid, notary.PoolRepaid, notary.RefundReceived:
			of(string(e.Device)).swept -= e.Shadow
		}
	}
	for _, i := range s.instructions {
		switch {
		case i.open:
			of(i.device).unconfirmed += i.credit()
		case i.untaken && !released[instructionName(i.device, i.seq)]:
			of(i.device).untaken += i.credit()
		}
	}
	for id, row := range s.devices {
		if row.sums != *full[id] {
			s.violated(id, 0, "its row carries the sums %v, and all rows say %v", row.sums,
				*full[id])
		}
	}
}
