package week

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ekrona.example/apdu/money"
)

// Scene is people who pay each other while there is no network, and then synchronise one after the
// other: a week in small, of which every step is given.
type Scene struct {
	Seed      uint64
	Holds     []money.Ore // what each person's card holds at first
	Payments  []Paying    // in order
	Online    []int       // people in the order in which they synchronise, an hour apart
	Liquidity Liquidity
}

// Paying is a payment between two people, by their numbers.
type Paying struct {
	Payer, Payee int
	Amount       money.Ore
}

// Played is what became of a scene.
type Played struct {
	Claims
	Paid     int `json:"paid"`     // of the payments
	Unfunded int `json:"unfunded"` // the card held less, since another payment was refused
	// Wrong are violations of the invariants and what is stuck at the end, a line each.
	Wrong []string `json:"wrong"`
}

// Errors of a scene.
var (
	errNobody = errors.New("a scene has people who are in it only")
	errScene  = errors.New("a payment of a scene failed otherwise than by its card's policy")
)

func (s Scene) check() error {
	for _, number := range s.Online {
		if number < 0 || number >= len(s.Holds) {
			return errNobody
		}
	}
	for _, p := range s.Payments {
		if min(p.Payer, p.Payee) < 0 || max(p.Payer, p.Payee) >= len(s.Holds) {
			return errNobody
		}
	}
	return nil
}

// Play plays a scene with the real cards, phones, intermediaries and notary, and has the auditor
// check every invariant before and after the synchronisations.
func (s Scene) Play(ctx context.Context) (played Played, err error) {
	if err := s.check(); err != nil {
		return played, err
	}
	w, err := foundWorld(ctx, Plan{Cards: len(s.Holds), Seed: s.Seed, Limits: Default, Workers: 1,
		Liquidity: s.Liquidity, holds: s.Holds})
	if err != nil {
		return played, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.dark.Store(true)
	for n, p := range s.Payments {
		if err := w.transferCalmly(ctx, n, p, &played); err != nil {
			return played, fmt.Errorf("payment %d: %w", n+1, err)
		}
	}
	if err := w.auditScene(ctx, &played, false); err != nil {
		return played, err
	}
	w.dark.Store(false)
	for range rounds {
		for _, number := range s.Online {
			w.clock.At = w.clock.At.Add(time.Hour)
			if _, err := w.synchronise(ctx, number); err != nil {
				return played, err
			}
		}
	}
	if err := w.auditScene(ctx, &played, true); err != nil {
		return played, err
	}
	m := Morning{}
	if err := w.balance(ctx, &m); err != nil {
		return played, err
	}
	played.Wrong = append(played.Wrong, m.Stuck...)
	played.Claims, err = w.claims(ctx)
	return played, err
}

// transferCalmly plays a payment in which no tap is torn and no PIN mistyped, and counts it. It is
// not paid where the card's policy forbids it, or has forbidden what would have funded it.
func (w *world) transferCalmly(ctx context.Context, n int, p Paying, played *Played) error {
	a := &attempt{amount: p.Amount, payer: p.Payer, payee: p.Payee, merchant: nobody}
	v := &visit{ctx: ctx, w: w, on: w.hands[0], r: draws(w.seed, "scene", n), attempt: a,
		calm: true}
	if err := v.play(); err != nil {
		return err
	}
	switch {
	case a.outcome.err != nil:
		return a.outcome.err
	case a.outcome.unfunded:
		played.Unfunded++
	case a.outcome.reason == Reason{}:
		played.Paid++
	case a.outcome.reason.What != lockedMoney:
		return fmt.Errorf("%w: %v", errScene, a.outcome.reason)
	}
	return nil
}

func (w *world) auditScene(ctx context.Context, played *Played, agreed bool) error {
	found, _, err := w.audit(ctx, agreed)
	for _, v := range found {
		played.Wrong = append(played.Wrong, v.String())
	}
	return err
}
