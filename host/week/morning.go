package week

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ekrona.example/apdu/money"
	"ekrona.example/host/audit"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
	"ekrona.example/host/wallet"
)

// Morning is the morning after: what was owed, and what was checked.
type Morning struct {
	Rounds       int       `json:"rounds"` // in which everybody synchronised
	Instructions int       `json:"instructions"`
	Payments     int       `json:"payments"` // that the notary holds
	Settled      int       `json:"settled"`
	Returned     int       `json:"returned"` // given up after a torn tap; back with the payer
	Issued       money.Ore `json:"issued_ore"`
	Online       money.Ore `json:"online_ore"`
	Shadow       money.Ore `json:"shadow_ore"`
	Pool         money.Ore `json:"pool_ore"`
	OnCards      money.Ore `json:"on_cards_ore"`
	Claims       Claims    `json:"claims"`
	// Served is how it went in each round at the services; empty where there were none.
	Served []Crowd `json:"served,omitempty"`
	// Stuck says in a line each what is left over that should not be.
	Stuck      []string `json:"stuck"`
	Violations []string `json:"violations"` // of the invariants, a line each
}

// rounds are how often everybody synchronises: the second time nothing is owed any more (protocol
// §8, 10).
const rounds = 2

// morningAfter has everybody synchronise in the order that the seed gives, and has everything
// checked. The network has come back.
func (w *world) morningAfter(ctx context.Context) (Morning, error) {
	m := Morning{Rounds: rounds, Stuck: []string{}, Violations: []string{}}
	w.dark.Store(false)
	w.clock.At = w.clock.At.Truncate(24 * time.Hour).Add(30 * time.Hour) // six o'clock
	if w.served != nil {
		if err := w.morningServed(ctx, &m); err != nil {
			return m, err
		}
	} else {
		for round := range rounds {
			if err := w.synchroniseAll(ctx, round, &m); err != nil {
				return m, err
			}
		}
	}
	if err := w.balance(ctx, &m); err != nil {
		return m, err
	}
	var err error
	if m.Claims, err = w.claims(ctx); err != nil {
		return m, err
	}
	if err := w.putAway(); err != nil {
		return m, err
	}
	found, onCards, err := w.audit(ctx, true)
	for _, v := range found {
		m.Violations = append(m.Violations, v.String())
	}
	m.OnCards = onCards
	return m, err
}

// putAway gives back what the last audit does not read, which takes most of all: phones, and what
// the intermediaries keep.
func (w *world) putAway() error {
	for _, p := range w.people {
		p.journal = nil
	}
	var failed []error
	for _, b := range w.banks {
		failed = append(failed, b.db.Close())
	}
	return errors.Join(failed...)
}

func (w *world) synchroniseAll(ctx context.Context, round int, m *Morning) error {
	order := w.morningOrder(round)
	show := w.plan.counter(fmt.Sprintf("morning after, round %d", round+1), len(order))
	for done, n := range order {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n < len(w.people) { // they come over a day
			w.clock.At = w.clock.At.Add(24 * time.Hour / time.Duration(len(w.people)))
		}
		applied, err := w.synchronise(context.WithoutCancel(ctx), n)
		if err != nil {
			return err
		}
		m.Instructions += applied
		show(done + 1)
	}
	return nil
}

// morningOrder draws the order in which all synchronise: the terminals first, which do it by
// themselves, and then the people, each when it suits them. As in synchronise, terminals come after
// all people in the numbers.
func (w *world) morningOrder(round int) (order []int) {
	r := draws(w.seed, "morning", round)
	for _, n := range r.Perm(len(w.merchants)) {
		order = append(order, len(w.people)+n)
	}
	return append(order, r.Perm(len(w.people))...)
}

// synchronise synchronises a person's card, or after all people a merchant's terminal.
func (w *world) synchronise(ctx context.Context, n int) (instructions int, err error) {
	defer func() { err = errors.Join(err, w.lent(ctx)) }()
	if n >= len(w.people) {
		s := w.merchants[n-len(w.people)]
		result, err := s.Synchronise(ctx)
		if err != nil {
			return 0, fmt.Errorf("%s synchronises: %w", s.name, err)
		}
		// The journal is empty now; its memory is needed for what the notary will hold.
		if err := store.Exec(ctx, s.db, "VACUUM"); err != nil {
			return 0, fmt.Errorf("journal of %s: %w", s.name, err)
		}
		return result.Instructions, nil
	}
	p := w.people[n]
	err = w.hands[0].payer.use(ctx, w, p, func(phone *wallet.Wallet) error {
		result, err := phone.Synchronise(ctx, wallet.Tap{Card: hold(p.card, tear{})})
		switch {
		case err != nil:
			return err
		case result.Difference != 0:
			return fmt.Errorf("its balance is off by %s", result.Difference)
		case len(result.Unanswered) > 0:
			return result.Unanswered[0]
		}
		instructions = result.Instructions
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("%s synchronises: %w", p.name, err)
	}
	return instructions, nil
}

// balance fills in the money, and what is stuck between the parties, once the banks have posted
// all.
func (w *world) balance(ctx context.Context, m *Morning) error {
	for _, b := range w.banks {
		if err := b.PullStatement(ctx); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	books, err := notary.AllBalances(ctx, w.central)
	if err != nil {
		return err
	}
	m.Pool = books.Pool
	for _, a := range books.Online {
		m.Online += a.Balance
	}
	for _, a := range books.Shadow {
		m.Shadow += a.Balance
	}
	m.Issued = books.Issued
	for _, b := range w.banks {
		var held money.Ore
		for _, a := range slices.Concat(books.Online, books.Shadow) {
			if strings.HasPrefix(a.Name, string(b.name)) {
				held += a.Balance
			}
		}
		contra, err := ledger.Balance(ctx, b.db, ledger.Account{Kind: ledger.CentralBankContra})
		if err != nil {
			return err
		}
		transit, err := ledger.Balance(ctx, b.db, ledger.Account{Kind: ledger.Transit})
		if err != nil {
			return err
		}
		if contra != -held {
			m.stuck("%s believes that the central bank holds %s for it; it holds %s", b.name,
				-contra, held)
		}
		if transit != 0 {
			m.stuck("%s holds %s for orders of which nothing becomes", b.name, transit)
		}
	}
	return w.countPayments(ctx, m)
}

func (m *Morning) stuck(format string, args ...any) {
	m.Stuck = append(m.Stuck, fmt.Sprintf(format, args...))
}

// countPayments fills in what became of the payments; one without a final verdict is stuck.
func (w *world) countPayments(ctx context.Context, m *Morning) error {
	verdicts, err := store.Column[int](ctx, w.centralDB, `SELECT verdict FROM payment ORDER BY n`)
	if err != nil {
		return err
	}
	m.Payments = len(verdicts)
	open := 0
	for _, v := range verdicts {
		switch verdict := notary.Verdict(v); {
		case !verdict.Final():
			open++
		case verdict == notary.Void:
			m.Returned++
		default:
			m.Settled++
		}
	}
	if open > 0 {
		m.stuck("%d payments have no final verdict", open)
	}
	return nil
}

// audit has the auditor check what holds at every moment, or with agreed set also what holds when
// all have synchronised. It returns what is on the cards.
func (w *world) audit(
	ctx context.Context, agreed bool,
) (found []audit.Violation, onCards money.Ore, err error) {
	h := w.honest(ctx)
	found, err = w.auditor.CheckEach(ctx, w.centralDB, h, agreed)
	return found, h.cards, err
}
