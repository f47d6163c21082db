// Package week plays a district that has no network for days: cards that run the applet's CAP file,
// terminals, people with wages, food, fuel, a pharmacy and their children's pocket money, merchants
// with rush hours. Then comes the morning after: everybody synchronises, and everything is
// audited.
//
// Start at [Run]. All follows from the seed: what people want to pay does not depend on the limits,
// so that weeks under different ones can be compared. Each card, phone and terminal has its own
// randomness, and things that touch nothing in common are played at once, so that the result is the
// same on any number of processors.
//
// Cards, phones, terminals, intermediaries, notary, ledger and auditor are the real ones. A phone
// exists only while its owner uses it (phone.go); databases are in memory.
package week

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"time"

	"ekrona.example/apdu/money"
	"ekrona.example/host/clock"
	"ekrona.example/host/progress"
)

// Plan says which week is played.
type Plan struct {
	Cards, Terminals, Days int
	Seed                   uint64
	Limits                 Limits
	Liquidity              Liquidity

	Served  *Served       // nil: the morning after comes in this process
	Workers int           // that play at once; 0 for one
	Clock   clock.Clock   // by which the parts are timed; nil is the system's
	Show    progress.Show // receives how far each part is, from one goroutine at a time

	holds []money.Ore // of a scene: on each card at first
}

// Errors of a plan.
var (
	// ErrPlan says that there is no such week.
	ErrPlan = errors.New("give 1 or more of each: cards, terminals and days")
	// ErrLarge says that a week is larger than a machine can hold.
	ErrLarge = fmt.Errorf("give at most %d cards, %d terminals, %d days and %d workers", MaxCards,
		MaxTerminals, MaxDays, MaxWorkers)
	// ErrTooShort says that the week ends before its crisis order comes.
	ErrTooShort = fmt.Errorf("limits %s: the crisis order is signed on day %d: give so many days "+
		"or more", Crisis, orderDay)
)

// The most of a plan.
const (
	MaxCards     = 100_000
	MaxTerminals = 10_000
	MaxDays      = 31
	MaxWorkers   = 1024
)

// Check refuses a plan that cannot be played. Errors: [ErrPlan], [ErrLarge], [ErrTooShort], unknown
// limits.
func (p Plan) Check() error {
	if p.Cards < 1 || p.Terminals < 1 || p.Days < 1 {
		return ErrPlan
	}
	if p.Cards > MaxCards || p.Terminals > MaxTerminals || p.Days > MaxDays ||
		p.Workers > MaxWorkers {
		return ErrLarge
	}
	if p.Limits == Crisis && p.Days < orderDay {
		return ErrTooShort
	}
	_, err := p.Limits.terms()
	return err
}

// Run plays a week. When ctx ends it stops after the attempts that are under way: the report has
// what is known by then, says that it was broken off, and comes without an error. An error means
// that something went wrong that no limit explains.
func Run(ctx context.Context, p Plan) (Report, error) {
	if err := p.Check(); err != nil {
		return Report{}, err
	}
	p.Clock = clock.OrSystem(p.Clock)
	r := Report{Cards: p.Cards, Terminals: p.Terminals, Seed: p.Seed, Limits: p.Limits,
		Liquidity: p.Liquidity,
		Days:      []Day{}, Violations: []string{}}
	digest := sha256.New()
	err := r.run(ctx, p, digest)
	r.Digest = fmt.Sprintf("%x", digest.Sum(nil))
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		r.BrokenOff, err = true, nil
	}
	return r, err
}

func (r *Report) run(ctx context.Context, p Plan, digest hash.Hash) (err error) {
	timed := func(seconds *float64) func() {
		began := p.Clock.Now()
		return func() { *seconds = p.Clock.Now().Sub(began).Seconds() }
	}
	issued := timed(&r.IssuingSeconds)
	w, err := foundWorld(ctx, p)
	issued()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.dark.Store(true)
	played := timed(&r.PayingSeconds)
	for day := range p.Days {
		if err == nil {
			err = r.playDay(ctx, w, day, digest)
		}
	}
	played()
	if err != nil {
		return err
	}
	audited := timed(&r.AuditSeconds)
	found, _, err := w.audit(ctx, false)
	audited()
	if err != nil {
		return err
	}
	for _, v := range found {
		r.Violations = append(r.Violations, v.String())
	}
	settled := timed(&r.MorningSeconds)
	m, err := w.morningAfter(ctx)
	settled()
	if err != nil {
		return err
	}
	r.Morning, r.Violations = &m, append(r.Violations, m.Violations...)
	fmt.Fprintf(digest, "%d %d %d %d %d\n", m.Settled, m.Returned, m.Online, m.Shadow, m.OnCards)
	return nil
}

// playDay plays a day and its evening. A day that was broken off is in the report too.
func (r *Report) playDay(ctx context.Context, w *world, day int, digest hash.Hash) error {
	w.clock.At = beginning.Add(time.Duration(day) * 24 * time.Hour)
	if w.plan.Limits == Crisis && day+1 == orderDay {
		made, err := w.orderCrisis(ctx)
		if err != nil {
			return fmt.Errorf("day %d: crisis order: %w", day+1, err)
		}
		r.Order = &made
		fmt.Fprintf(digest, "%v\n", made)
	}
	attempts := w.district.day(day)
	err := w.playDay(ctx, day, attempts)
	d := newDay(day, attempts)
	if err == nil {
		err = w.evening(ctx, &d)
	}
	r.Days = append(r.Days, d)
	for _, a := range attempts {
		fmt.Fprintf(digest, "%v %v %d\n", a.outcome.unfunded, a.outcome.reason, a.outcome.torn)
	}
	fmt.Fprintf(digest, "%v\n", d)
	for _, a := range attempts {
		if a.outcome.err != nil && err == nil {
			err = fmt.Errorf("day %d: %w", day+1, a.outcome.err)
		}
	}
	return err
}

// evening reads all cards, and has those whose PIN is locked unlocked.
func (w *world) evening(ctx context.Context, d *Day) error {
	cards, err := ofAll(ctx, w, w.state)
	if err != nil {
		return err
	}
	if err := w.checkOwners(cards); err != nil {
		return err
	}
	if err := w.unlock(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	d.look(w, cards)
	d.Crisis, err = w.spreading(ctx, cards)
	return err
}
