package glitch

import (
	"math/rand/v2"

	"ekrona.example/emulator/fault"
)

// near is how many bytecodes the second fault of a pair is behind the first, at most.
const near = 40

// seconds is how many second faults are tried with a first one.
const seconds = 16

// draws is how often a first fault is drawn for each that gains nothing alone and after which the
// command goes on, at most.
const draws = 30

// pairs tries about so many pairs of faults, the second near the first: the second is drawn of what
// the command executes with the first, so that both happen. A pair is kept when neither gains alone
// what they gain.
func (w *work) pairs(expected float64) error {
	steps := len(w.e.Trace.Steps)
	if expected <= 0 || steps == 0 {
		return nil
	}
	random := w.random("pairs")
	left := int(expected)
	if random.Float64() < expected-float64(left) {
		left++
	}
	for drawn := draws * (left/seconds + 1); left > 0 && drawn > 0; drawn-- {
		first, ok := w.draw(random, w.e.Trace, random.IntN(steps))
		if !ok {
			continue
		}
		tried, err := w.pairsOf(random, first, min(left, seconds))
		if err != nil {
			return err
		}
		left -= tried
	}
	return w.ctx.Err()
}

// pairsOf tries so many pairs with that first fault, and returns how many there were.
func (w *work) pairsOf(random *rand.Rand, first fault.Fault, most int) (tried int, err error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	after, r, failed := w.e.Window(w.ctx, near, first)
	alone, err := w.oracle.Verdict(r, failed)
	if err != nil || len(alone) > 0 || len(after.Steps) == 0 {
		return 0, err
	}
	known := map[string]bool{}
	for range draws * most {
		if tried == most {
			break
		}
		second, ok := w.draw(random, after, first.N+1+random.IntN(len(after.Steps)))
		if !ok || known[second.String()] {
			continue
		}
		known[second.String()] = true
		both, err := w.pair(first, second)
		if err != nil {
			return tried, err
		}
		if both {
			tried++
		}
	}
	return tried, nil
}

// draw draws a fault at a bytecode of a trace.
func (w *work) draw(random *rand.Rand, t *fault.Trace, n int) (fault.Fault, bool) {
	models := w.plan.Models
	f := fault.Fault{Model: models[random.IntN(len(models))], N: n}
	elements := t.Elements(n, f.Model)
	if elements == 0 {
		return f, false
	}
	f.Element = random.IntN(elements)
	return f, true
}

// pair tries a pair, and reports whether both faults have happened.
func (w *work) pair(first, second fault.Fault) (both bool, err error) {
	r, failed := w.e.Try(w.ctx, first, second)
	if w.e.Struck() < 2 {
		return false, w.ctx.Err()
	}
	w.counts.Pairs++
	gains, err := w.oracle.Verdict(r, failed)
	if err != nil || len(gains) == 0 {
		return true, err
	}
	r, failed = w.e.Try(w.ctx, second)
	if single, err := w.oracle.Verdict(r, failed); err != nil || len(single) > 0 {
		return true, err
	}
	trace, _ := w.e.TraceOf(w.ctx, first, second) // mute or not, it is a trace
	found, err := w.found(gains, []fault.Fault{first, second})
	if err != nil {
		return true, err
	}
	if second.N < len(trace.Steps) {
		found.Second = w.plan.Places.Of(trace.Steps[second.N])
	}
	w.counts.Found = append(w.counts.Found, found)
	return true, nil
}
