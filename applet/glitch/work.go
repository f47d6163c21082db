package glitch

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"ekrona.example/emulator/fault"
)

// work is the faults on one command.
type work struct {
	plan     Plan
	ctx      context.Context // of the one command; every fault on it is tried within
	target   *Target
	exchange int
	e        *fault.Experiment
	oracle   Oracle
	counts   *counts
	times    map[int]float64 // milliseconds to a bytecode
	costs    *string         // what a miss costs
}

// random is randomness for the command that follows from the plan's seed.
func (w *work) random(of string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s/%d", of, w.target.Case, w.exchange)
	return rand.New(rand.NewPCG(w.plan.Seed, h.Sum64()))
}

// singles tries that share of the single faults.
func (w *work) singles(share float64) error {
	first := len(w.counts.Found)
	random := w.random("singles")
	for f := range w.e.Trace.Faults(w.plan.Models) {
		if share < 1 && random.Float64() >= share {
			continue
		}
		if err := w.try(f); err != nil {
			return err
		}
		w.counts.Faults++
	}
	inARow(w.counts.Found[first:])
	return nil
}

// try tries faults together, and keeps what they gain.
func (w *work) try(faults ...fault.Fault) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	r, err := w.e.Try(w.ctx, faults...)
	gains, err := w.oracle.Verdict(r, err)
	if err != nil {
		return fmt.Errorf("%s: %w", NameOf(w.target.Case, w.exchange, faults...), err)
	}
	if len(gains) == 0 {
		return nil
	}
	found, err := w.found(gains, faults)
	if err != nil {
		return err
	}
	w.counts.Found = append(w.counts.Found, found)
	return nil
}

// found is what is kept of faults with a gain.
func (w *work) found(gains []Gain, faults []fault.Fault) (Found, error) {
	first := faults[0]
	trace := w.e.Trace
	c := w.e.Command
	f := Found{Fault: NameOf(w.target.Case, w.exchange, faults...),
		Model: modelsOf(faults), Place: w.plan.Places.Of(trace.Steps[first.N]),
		Mnemonic: trace.Steps[first.N].Mnemonic(), N: first.N, Steps: len(trace.Steps),
		Command:  fmt.Sprintf("%02X%02X%02X%02X", c.CLA, c.INS, c.P1, c.P2),
		Answered: fmt.Sprintf("%04X", uint16(w.e.Answer.SW)), Row: 1}
	if len(faults) > 1 {
		f.Apart = faults[1].N - first.N
	}
	for _, g := range gains {
		f.Kinds = append(f.Kinds, g.Kind)
		f.Details = append(f.Details, g.Detail)
	}
	for _, s := range trace.CallPath(first.N) {
		f.Path = append(f.Path, w.plan.Places.Of(s))
	}
	if w.costs == nil {
		costs := w.oracle.MissCosts()
		w.costs, w.times = &costs, map[int]float64{}
	}
	f.MissCosts = *w.costs
	ms, known := w.times[first.N]
	if !known {
		took, err := w.e.Time(w.ctx, first.N)
		if err != nil {
			return f, err
		}
		ms = float64(took.Microseconds()) / 1000
		w.times[first.N] = ms
	}
	f.Milliseconds = ms
	return f, nil
}

func modelsOf(faults []fault.Fault) string {
	var names []string
	for _, f := range faults {
		names = append(names, f.Model.Name)
	}
	return strings.Join(names, ",")
}

// inARow counts for each of the finds on one command, which are in their order, the bytecodes in a
// row that gain something.
func inARow(found []Found) {
	for i := 0; i < len(found); {
		end := i + 1
		for end < len(found) && found[end].N <= found[end-1].N+1 {
			end++
		}
		for k := i; k < end; k++ {
			found[k].Row = found[end-1].N - found[i].N + 1
		}
		i = end
	}
}
