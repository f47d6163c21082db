package simulator

import (
	"context"
	"slices"
)

// Shrink makes a failing scenario short: it leaves out steps and faults as long as the world still
// fails in the same way, by the same invariant and kind, and gives up after a number of runs. It
// returns the shortest that was found and its outcome.
func (s Scenario) Shrink(
	ctx context.Context, o Options, failed Outcome, runs int,
) (Scenario, Outcome, error) {
	x := shrinker{options: o, best: s, outcome: failed, left: runs}
	x.best.Steps = s.Steps[:failed.Steps]
	for size := max(1, len(x.best.Steps)/2); size > 0 && x.left > 0; {
		if !x.without(ctx, size) {
			size /= 2
		}
	}
	x.calmer(ctx)
	for x.left > 0 && x.without(ctx, 1) { // without the faults, more steps may be of no use
	}
	return x.best, x.outcome, x.err
}

type shrinker struct {
	options Options
	best    Scenario
	outcome Outcome
	left    int // runs
	err     error
}

// without leaves out every sequence of size steps that it can, from the end; it reports whether it
// could leave out any.
func (x *shrinker) without(ctx context.Context, size int) (any bool) {
	for end := len(x.best.Steps); end > 0; end -= size {
		begin := max(0, end-size)
		if end > len(x.best.Steps) {
			continue
		}
		shorter := x.best
		shorter.Steps = slices.Concat(x.best.Steps[:begin], x.best.Steps[end:])
		any = x.try(ctx, shorter) || any
	}
	return any
}

// calmer leaves out every fault that it can. A world may fail sooner without one, and
// so lose steps at its end.
func (x *shrinker) calmer(ctx context.Context) {
	for at := 0; at < len(x.best.Steps); at++ {
		for f := len(x.best.Steps[at].Faults) - 1; f >= 0 && at < len(x.best.Steps); f-- {
			calmer := x.best
			calmer.Steps = slices.Clone(x.best.Steps)
			calmer.Steps[at].Faults = slices.Delete(slices.Clone(calmer.Steps[at].Faults), f, f+1)
			x.try(ctx, calmer)
		}
	}
}

// try plays a shorter scenario and keeps it when it fails as the first did.
func (x *shrinker) try(ctx context.Context, shorter Scenario) bool {
	if x.left == 0 || x.err != nil {
		return false
	}
	x.left--
	outcome, err := shorter.Run(ctx, x.options)
	if err != nil {
		x.err, x.left = err, 0
		return false
	}
	if !outcome.Failure.isSameKind(x.outcome.Failure) {
		return false
	}
	x.best, x.outcome = shorter, outcome
	x.best.Steps = shorter.Steps[:outcome.Steps]
	return true
}
