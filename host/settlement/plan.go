package settlement

import (
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// place is a wallet in a netting in parts.
type place struct {
	wallet message.DeviceID
	number int64     // in the order in which wallets are taken, from 1
	more   money.Ore // that it pays than it gets
	claims []claim   // that it pays
}

// plan is a netting in parts before it is decided.
type plan struct {
	number int64
	places []*place
	of     map[message.DeviceID]*place
	claims int
}

// newPlan returns the wallets of claims between wallets; neighbours in a ring stay neighbours.
func newPlan(claims []claim) *plan {
	p := &plan{of: map[message.DeviceID]*place{}, claims: len(claims)}
	at := func(id message.DeviceID) *place {
		if p.of[id] == nil {
			p.of[id] = &place{wallet: id, number: int64(len(p.places) + 1)}
			p.places = append(p.places, p.of[id])
		}
		return p.of[id]
	}
	for _, c := range claims {
		payer, payee := at(c.from), at(c.to)
		payer.claims = append(payer.claims, c)
		payer.more, payee.more = payer.more+c.amount, payee.more-c.amount
	}
	return p
}

// gone are claims of a plan that others have settled meanwhile.
type gone struct {
	claims int
	more   map[message.DeviceID]money.Ore // that wallets pay than they get, without them
}

// leaveOut takes claims out of the plan.
func (p *plan) leaveOut(g gone) {
	p.claims -= g.claims
	for id, more := range g.more {
		p.of[id].more += more
	}
}

// partOf returns how many places are taken together: those with so many claims, or one.
func partOf(places []*place, together int) (n int) {
	for claims := 0; n < min(len(places), together); n++ {
		if claims += len(places[n].claims); n > 0 && claims > together {
			break
		}
	}
	return n
}
