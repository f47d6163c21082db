// Package catalogue plays the attacks of packages applet/attack and host/attack, and reports which
// of them were refused.
//
// Start at [All], which lists them, and [Plan], which plays them: on fresh virtual cards, with the
// keys of a test scheme, or on a card as it is found, with what a stranger has. Before an attack is
// played its control is: the same without what is wrong, which must succeed. An attack whose
// control fails counts as not refused, so that none is refused by accident.
//
// It makes no attack of its own. To add one, add a value to those packages.
package catalogue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"ekrona.example/apdu/trace"
	"ekrona.example/applet/attack"
	hostattack "ekrona.example/host/attack"
)

// Target is what an attack is made on.
type Target string

// The targets.
const (
	Applet  Target = "card"            // the applet, by whoever talks to it
	Domain  Target = "security domain" // what manages the card's content
	Parties Target = "parties"         // a phone, a terminal, an intermediary, the notary
)

// Entry is an attack of the catalogue.
type Entry struct {
	Target  Target `json:"target"`
	Name    string `json:"name"`
	Threat  string `json:"threat"`
	Defence string `json:"defence"`
	Clause  string `json:"clause"`
	// Ways are the names of its variants; one that has no other has none.
	Ways []string `json:"ways"`
	// Destroys is what it may take from a card that is not set back afterwards; empty for most.
	Destroys string `json:"destroys,omitempty"`

	play func(ctx context.Context, w *worker) Result
}

// Verdict is what became of an attack.
type Verdict string

// The verdicts.
const (
	Refused Verdict = "refused"
	// NotRefused is what an attack is too whose control has failed.
	NotRefused Verdict = "NOT REFUSED"
	// Elsewhere is an attack that its target cannot notice: its defence is another party's.
	Elsewhere Verdict = "elsewhere"
	// NotApplicable is an attack that needs what is not there.
	NotApplicable Verdict = "not applicable"
	// LeftOut is one that was not asked for.
	LeftOut Verdict = "left out"
)

// Result is what became of one attack.
type Result struct {
	Entry
	Verdict Verdict `json:"verdict"`
	// Reason says why it was not played.
	Reason string `json:"reason,omitempty"`
	// Failures are what was not refused as it must be.
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one way of an attack that was not refused, or a control that failed.
type Failure struct {
	Way  string `json:"way,omitempty"`
	What string `json:"what"`
	// Exchanges are what was sent and answered, decoded, if the target is a card.
	Exchanges []trace.Exchange `json:"exchanges,omitempty"`
}

// All lists the attacks.
func All() []Entry {
	var all []Entry
	for _, a := range attack.All() {
		all = append(all, cardEntry(Applet, a))
	}
	for _, a := range attack.Domains() {
		all = append(all, cardEntry(Domain, a))
	}
	for _, a := range slices.Concat(hostattack.All(), hostattack.Sales()) {
		all = append(all, partyEntry(a))
	}
	all = append(all, readerEntries()...)
	for _, a := range hostattack.Copies() {
		all = append(all, copyEntry(a))
	}
	return all
}

// Named returns the attacks whose name contains a text, in any case.
func Named(text string) []Entry {
	text = strings.ToLower(text)
	return slices.DeleteFunc(All(), func(e Entry) bool {
		return !strings.Contains(strings.ToLower(e.Name), text)
	})
}

// Plan is what to play, and on what.
type Plan struct {
	Entries []Entry
	// Seed, if not empty, makes keys and random numbers repeat.
	Seed string
	// Found is the card to play on; nil for fresh ones.
	Found *Found
	// Fresh makes targets of fresh cards; nil for those of this program's applet.
	Fresh Fresh
	// CardsOnly leaves the attacks on parties out.
	CardsOnly bool
	// Workers play at the same time, 1 or more; on a card that was found one does.
	Workers int
	// Show is called after each attack, by one goroutine at a time.
	Show func(done, total int, r Result)
}

// ErrInterrupted says that not all attacks were played.
var ErrInterrupted = errors.New("interrupted before all attacks were played: start it again")

// Run plays the attacks. It is an error if the card cannot be reached, or answers no more.
func (p Plan) Run(ctx context.Context) (*Report, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	results := make([]Result, len(p.Entries))
	workers := max(1, p.Workers)
	if p.Found != nil {
		workers = 1
		if err := p.Found.look(ctx); err != nil {
			return nil, err
		}
	}
	next := make(chan int)
	made := &scheme{seed: p.Seed}
	var done int
	var lock sync.Mutex
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			w := &worker{plan: p, scheme: made}
			for i := range next {
				r := p.Entries[i].play(ctx, w)
				if r.Verdict == NotRefused && p.Found != nil && ctx.Err() == nil {
					if err := p.Found.look(ctx); err != nil {
						stop(fmt.Errorf("the card answers no more: it was taken away, or the attack "+
							"%q has ended it: %w", r.Name, err))
					}
				}
				lock.Lock()
				results[i] = r
				done++
				if p.Show != nil {
					p.Show(done, len(results), r)
				}
				lock.Unlock()
			}
		})
	}
	for i := range p.Entries {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	all.Wait()
	err := made.close()
	switch cause := context.Cause(ctx); {
	case cause == nil:
	case errors.Is(cause, context.Canceled), errors.Is(cause, context.DeadlineExceeded):
		return nil, errors.Join(ErrInterrupted, err)
	default:
		return nil, errors.Join(cause, err)
	}
	return &Report{Results: results, Found: p.Found}, err
}

// result is one without failures.
func (e Entry) result(v Verdict, reason string) Result {
	return Result{Entry: e, Verdict: v, Reason: reason}
}

// broken is the result of an attack whose control, or preparation, failed.
func (e Entry) broken(what string, err error) Result {
	return Result{Entry: e, Verdict: NotRefused, Failures: []Failure{{
		Way: what, What: fmt.Sprint(err), Exchanges: exchangesOf(err)}}}
}
