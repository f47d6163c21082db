package audit

import (
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// half is how far the netting under way has come with a claim.
type half int

const (
	locked   half = iota + 1 // nothing else moves it
	debited                  // its payer's wallet has paid
	credited                 // its payee's wallet has been paid
)

// nettings counts the nettings in parts that are not done, and those of them that are decided.
type nettings struct{ open, decided int }

// readNettings reads them anew each time: there is one at most.
func readNettings(r *reader) (n nettings) {
	r.each(func(row store.Row) error { return row.Scan(&n.open, &n.decided) },
		"SELECT count(*), count(decided_at) FROM netting WHERE done_at IS NULL")
	return n
}

// onItsWay is what of a claim has left a wallet and has not come to the other; less than zero, what
// has come there before it left.
func (p *payment) onItsWay() money.Ore {
	switch p.netting {
	case debited:
		return p.amount
	case credited:
		return -p.amount
	default:
		return 0
	}
}

// invariant15Netting: one netting in parts is under way at most. It has taken only claims that
// wait and that their payees have accepted, between wallets. When it is decided it cannot fail:
// each wallet whose turn comes has set aside what it pays more than it gets, and has moved all its
// halves when its turn is over. Those that pay more than they get come first, so that the clearing
// account is never below zero.
func invariant15Netting(s *auditRun) {
	if s.nettings.open > 1 {
		s.violated("central bank", 0, "%d nettings are under way", s.nettings.open)
	}
	pays := map[string]money.Ore{} // more than it gets
	for _, p := range s.payments {
		if p.netting != 0 {
			s.checkTaken(p)
			pays[p.payer], pays[p.payee] = pays[p.payer]+p.amount, pays[p.payee]-p.amount
		}
	}
	for id, d := range s.devices {
		if d.place == 0 {
			if d.netted != 0 {
				s.violated(id, d.netted, "it has set aside %s for a netting in which it has no "+
					"place", d.netted)
			}
			continue
		}
		if s.nettings.open == 0 {
			s.violated(id, d.netted, "has place %d in a netting, and none is under way", d.place)
		}
		if want := max(pays[id], 0); s.nettings.decided > 0 && d.netted != want {
			s.violated(id, d.netted-want, "has set aside %s for the netting under way, it is to "+
				"pay %s more than it gets", d.netted, want)
		}
	}
	if s.clearing < 0 {
		s.violated("account clearing", s.clearing, "is below zero")
	}
}

// checkTaken looks at a claim that the netting under way has taken, and at its halves: that of a
// wallet has moved when the wallet has no place any more.
func (s *auditRun) checkTaken(p *payment) {
	payer, payee := s.devices[p.payer], s.devices[p.payee]
	w := s.decisions[p.requested]
	accepted := w.payment != nil && *w.payment == p.identity
	switch {
	case s.nettings.open == 0:
		s.violated(p.name(), p.amount, "was taken for a netting, and none is under way")
	case p.verdict != notary.Waiting || !accepted || p.signatureStatus > 1 || payer == nil ||
		payee == nil || !payee.role.CanPay():
		s.violated(p.name(), p.amount, "was taken for a netting, and is no accepted claim that "+
			"waits between wallets")
	case s.nettings.decided == 0:
		if p.netting != locked || payer.place == 0 {
			s.violated(p.name(), p.amount, "has moved, or its payer has no place, in a netting "+
				"that is not decided")
		}
	case p.netting != halves[[2]bool{payer.place == 0, payee.place == 0}]:
		s.violated(p.name(), p.amount, "its halves in the netting under way are not those of the "+
			"wallets whose turn is over")
	}
}

// halves says which halves of a claim have moved, by whether its payer's and its payee's turn is
// over. After both it is taken no more.
var halves = map[[2]bool]half{{false, false}: locked, {true, false}: debited,
	{false, true}: credited}

// nettingRows: nettings are numbered and have their moments. Which of them was decided, orders tell
// that name it.
func (s *rowsRun) nettingRows() {
	s.nettings = map[int64]bool{}
	s.each(func(row store.Row) error {
		var n int64
		var begun, decided, done string
		if err := row.Scan(&n, &begun, &decided, &done); err != nil {
			return err
		}
		s.moments("a netting", begun, decided, done)
		s.nettings[n] = decided != ""
		return nil
	}, "SELECT n, begun_at, "+text("decided_at")+", "+text("done_at")+" FROM netting")
}
