package simulator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ekrona.example/host/progress"
)

// Plan says how much to simulate.
type Plan struct {
	Seed    uint64 // of the first world; the others follow
	Steps   int    // in all; 0 for until the context ends
	Length  int    // steps of one world
	Workers int    // worlds that are played at the same time
	Options Options
}

// Tally is what was played.
type Tally struct {
	Worlds, Steps, APDUs, ClonesEnded int
	Struck                            map[FaultKind]int
	Done                              map[Kind]int
}

// Found is a world that failed.
type Found struct {
	Scenario Scenario
	Outcome  Outcome
}

// Simulate plays one world after the other, several at a time, until enough steps were played, the
// context ends, or one of them fails. show receives after each world how many steps are played, by
// one goroutine at a time.
func Simulate(ctx context.Context, p Plan, show progress.Show) (Tally, *Found, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &simulation{plan: p, next: p.Seed,
		tally: Tally{Struck: map[FaultKind]int{}, Done: map[Kind]int{}}, show: show}
	var workers sync.WaitGroup
	for range max(1, p.Workers) {
		workers.Go(func() {
			for seed, length := s.take(); length > 0 && ctx.Err() == nil; seed, length = s.take() {
				scenario := Generate(seed, length)
				outcome, err := scenario.Run(ctx, p.Options)
				if s.add(scenario, outcome, err) {
					stop()
				}
			}
		})
	}
	workers.Wait()
	return s.tally, s.found, s.err
}

type simulation struct {
	plan Plan
	show progress.Show

	lock    sync.Mutex
	next    uint64 // seed
	planned int    // steps given out
	tally   Tally
	found   *Found
	err     error
}

// take returns the next world: its seed and its length, 0 when enough were played.
func (s *simulation) take() (seed uint64, length int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	length = s.plan.Length
	if s.plan.Steps > 0 {
		length = min(length, s.plan.Steps-s.planned)
	}
	s.planned += length
	s.next++
	return s.next - 1, length
}

// add counts a world and reports whether it is the last.
func (s *simulation) add(scenario Scenario, o Outcome, err error) (last bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.tally.Worlds++
	s.tally.Steps += o.Steps
	s.tally.APDUs += o.APDUs
	s.tally.ClonesEnded += o.ClonesEnded
	for kind, n := range o.Struck {
		s.tally.Struck[kind] += n
	}
	for kind, n := range o.Done {
		s.tally.Done[kind] += n
	}
	if err != nil && !errors.Is(err, context.Canceled) &&
		!errors.Is(err, context.DeadlineExceeded) {
		s.err = errors.Join(s.err, err)
		return true
	}
	if o.Failure != nil && s.found == nil {
		s.found = &Found{scenario, o}
	}
	s.show.Emit(progress.Event{
		Kind: progress.Counted, Who: "simulator",
		Count: progress.Count{Total: s.plan.Steps, Done: s.tally.Steps},
		Text: fmt.Sprintf("%s, %s, %s", progress.Plural(s.tally.Worlds, "world"),
			progress.Plural(s.tally.Steps, "step"), progress.Plural(s.tally.APDUs, "APDU")),
	})
	return s.found != nil
}
