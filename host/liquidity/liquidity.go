// Package liquidity measures what the Riksbank's pilot left open in its Figure 9: a claim on a card
// that has not synchronised waits, and chains and rings of cards wait for each other. It plays the
// figure, random chains and rings of cards, and the morning after a week without network, each
// with nothing but the notary's queue and with each of the ways not to wait, and says what each way
// costs, and whom.
//
// Start at [Run]. Everything is played by package week, with real cards, phones, intermediaries and
// notary; all follows from the seed.
package liquidity

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ekrona.example/apdu/money"
	"ekrona.example/host/progress"
	"ekrona.example/host/week"
)

// Plan says what is played.
type Plan struct {
	Seed uint64
	Sets int // of chains and of rings, of SetCards cards each

	Cards, Terminals, Days int // of the week without network

	PoolEach money.Ore // for each card of a case: so much is the cap of the pool
	Workers  int       // cases that are played at once

	Show progress.Show // receives which case is done, from one goroutine at a time
}

// DefaultPlan is the one whose table the documents show.
func DefaultPlan() Plan {
	return Plan{Seed: 1, Sets: 6, Cards: 40, Terminals: 3, Days: 7, PoolEach: 50 * money.Krona,
		Workers: 1}
}

// Errors of a plan.
var (
	ErrPlan = errors.New("give 1 or more of each: sets, cards, terminals, days and workers")
	// ErrLarge is that of a plan that no machine holds: every card is in memory.
	ErrLarge = fmt.Errorf("give at most %d sets, %d cards, %d terminals, %d days and %d workers",
		MaxSets, MaxCards, MaxTerminals, MaxDays, MaxWorkers)
	ErrPool = errors.New("give the pool more than 0 kr for each card")
)

// The most of a plan.
const (
	MaxSets      = 200
	MaxCards     = 1000
	MaxTerminals = 100
	MaxDays      = 31
	MaxWorkers   = 64
)

// Check refuses a plan that cannot be played. Errors: [ErrPlan], [ErrLarge], [ErrPool].
func (p Plan) Check() error {
	switch {
	case min(p.Sets, p.Cards, p.Terminals, p.Days, p.Workers) < 1:
		return ErrPlan
	case p.Sets > MaxSets, p.Cards > MaxCards, p.Terminals > MaxTerminals, p.Days > MaxDays,
		p.Workers > MaxWorkers:
		return ErrLarge
	case p.PoolEach <= 0:
		return ErrPool
	}
	return nil
}

// Way is one of the ways in which claims wait less, or not.
type Way string

// The ways. Each has the queue too: what can be netted is settled without anything else.
const (
	Queue      Way = "queue"
	Provenance Way = "provenance"
	Pool       Way = "pool"
	Both       Way = "provenance, pool"
	Locked     Way = "no spending" // of what was received and has not synchronised
)

// Ways are all of them, in order.
var Ways = []Way{Queue, Provenance, Pool, Both, Locked}

// configure returns how a way is configured, for so many cards.
func (p Plan) configure(w Way, cards int) (l week.Liquidity) {
	l.Provenance = w == Provenance || w == Both
	l.Locked = w == Locked
	if w == Pool || w == Both {
		l.PoolCap = p.PoolEach * money.Ore(cards)
	}
	return l
}

// Row is what one case has become in one way.
type Row struct {
	Case   string    `json:"case"`
	Way    Way       `json:"way"`
	Cards  int       `json:"cards"`
	Cap    money.Ore `json:"pool_cap_ore,omitempty"`
	Wanted int       `json:"wanted"` // payments that somebody wanted to make
	Paid   int       `json:"paid"`
	week.Claims
	Wrong []string `json:"wrong"` // violated invariants, and what is stuck, a line each
}

// Report is what became of a plan.
type Report struct {
	Seed uint64 `json:"seed"`
	Rows []Row  `json:"rows"` // in the order of cases, then of ways
}

// Run plays a plan. An error means that something went wrong that no way explains, or that ctx has
// ended.
func Run(ctx context.Context, p Plan) (Report, error) {
	if err := p.Check(); err != nil {
		return Report{}, err
	}
	return p.play(ctx, p.cases())
}

// play plays some of the plan's cases in every way.
func (p Plan) play(ctx context.Context, cases []playedCase) (Report, error) {
	r := Report{Seed: p.Seed}
	var work []func() (Row, error)
	for _, c := range cases {
		for _, way := range Ways {
			work = append(work, func() (Row, error) {
				row, err := c.play(ctx, p.configure(way, c.cards))
				row.Case, row.Way, row.Cards = c.name, way, c.cards
				if row.Wrong == nil {
					row.Wrong = []string{}
				}
				if err != nil {
					err = fmt.Errorf("%s, %s: %w", c.name, way, err)
				}
				return row, err
			})
		}
	}
	r.Rows = make([]Row, len(work))
	return r, p.together(ctx, r.Rows, work)
}

// together does the work on the plan's workers.
func (p Plan) together(ctx context.Context, rows []Row, work []func() (Row, error)) error {
	var one sync.Mutex
	var failed error
	next, done := 0, 0
	take := func() (n int, more bool) {
		one.Lock()
		defer one.Unlock()
		n = next
		next++
		return n, n < len(work) && failed == nil && ctx.Err() == nil
	}
	var all sync.WaitGroup
	for range p.Workers {
		all.Go(func() {
			for n, more := take(); more; n, more = take() {
				row, err := work[n]()
				one.Lock()
				rows[n] = row
				if failed == nil {
					failed = err
				}
				done++
				p.Show.Emit(progress.Event{Kind: progress.Counted, Who: "liquidity",
					Count: progress.Count{Total: len(work), Done: done},
					Text:  fmt.Sprintf("%d of %d: %s, %s", done, len(work), row.Case, row.Way)})
				one.Unlock()
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil { // what else failed, failed by it
		return err
	}
	return failed
}

// DefaultWorkers is how many cases are played at once unless the plan says it.
func DefaultWorkers() int { return week.DefaultWorkers() }
