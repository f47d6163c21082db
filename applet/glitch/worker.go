package glitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/applet/suite"
	"ekrona/emulator/card"
	"ekrona/emulator/fault"
)

// seed of every run: names of faults are good as long as the applet and the suite stay.
const seed = "glitch"

// bench has one card on which cases run, and faults.
type bench struct {
	injector *fault.Injector
	target   *suite.Emulator
	runner   suite.Runner
	on       func(s *stand, command apdu.Command) (apdu.Response, error)
}

// stand is a command of a case, about to be sent.
type stand struct {
	ctx      context.Context
	bench    *bench
	exchange int // its number in the case, from 1
	known    *suite.Knowledge
	nonces   map[string]bool
}

func newBench(profile card.Profile, block []byte) *bench {
	b := &bench{injector: &fault.Injector{}}
	b.target = suite.NewChangedEmulator(profile, block, b.injector.Probe()).Seeded(seed)
	b.runner.Seed = seed
	return b
}

// run carries a case out, and asks on before every command to the card.
func (b *bench) run(
	ctx context.Context, c suite.Case, on func(*stand, apdu.Command) (apdu.Response, error),
) error {
	exchange := 0
	nonces := map[string]bool{}
	b.runner.Around = func(installed apdu.Card, known func() *suite.Knowledge) apdu.Card {
		transmit := func(ctx context.Context, command apdu.Command) (apdu.Response, error) {
			exchange++
			r, err := on(&stand{ctx, b, exchange, known(), nonces}, command)
			if command.INS == spec.GetChallenge.INS {
				nonces[string(r.Data)] = true
			}
			return r, err
		}
		return apdu.CardFunc(transmit)
	}
	return b.runner.Run(ctx, b.target, c)
}

// send sends the command without a fault.
func (s *stand) send(command apdu.Command) (apdu.Response, error) {
	s.bench.injector.Off()
	return s.bench.target.Card().Transmit(s.ctx, command)
}

// record sends it and records it.
func (s *stand) record(command apdu.Command) (*fault.Trace, apdu.Response, error) {
	trace := &fault.Trace{}
	s.bench.injector.Record(trace)
	r, err := s.bench.target.Card().Transmit(s.ctx, command)
	s.bench.injector.Off()
	return trace, r, err
}

// Hit is a fault with a gain.
type Hit struct {
	Fault fault.Fault
	Gains []Gain
	Step  fault.Step
	Path  []fault.Step
}

// tried is what faults at one command did.
type tried struct {
	faults int
	hits   []Hit
	steps  int
}

var errNotRepeatable = errors.New("without a fault it is not as before")

// glitch tries the faults that choose keeps on the command, and leaves the card as if nothing
// had happened.
func (s *stand) glitch(
	command apdu.Command, models []fault.Model, choose func(fault.Fault) bool,
) (t tried, err error) {
	c := s.bench.target.Card()
	before, err := c.Snapshot()
	if err != nil {
		return t, err
	}
	trace, answer, err := s.record(command)
	if err != nil {
		return t, errors.Join(err, c.RestoreSnapshot(before))
	}
	after, err := c.Snapshot()
	if err != nil {
		return t, err
	}
	t.steps = len(trace.Steps)
	j := newJudge(s.ctx, c, command, s.known, before, after, answer, s.nonces)
	if err := j.open(); err != nil {
		return t, err
	}
	limit := 3*len(trace.Steps) + 5000
	try := func(faults ...fault.Fault) ([]Gain, error) {
		if err := c.RestoreSnapshot(before); err != nil {
			return nil, err
		}
		s.bench.injector.Arm(limit, faults...)
		r, err := c.Transmit(s.ctx, command)
		s.bench.injector.Off()
		if len(faults) == 0 {
			if err != nil || r.SW != answer.SW || !bytes.Equal(r.Data, answer.Data) ||
				c.Fingerprint() != j.fpAfter {
				return nil, errNotRepeatable
			}
		}
		if s.ctx.Err() != nil {
			return nil, s.ctx.Err()
		}
		return j.verdict(r, err), nil
	}
	if _, err := try(); err != nil {
		return t, err
	}
	for f := range trace.Faults(models) {
		if !choose(f) {
			continue
		}
		gains, err := try(f)
		if err != nil {
			return t, fmt.Errorf("%s: %w", f, err)
		}
		t.faults++
		if t.faults%1024 == 0 {
			s.bench.target.Writes()
		}
		if len(gains) > 0 {
			t.hits = append(t.hits, Hit{f, slices.Clone(gains), trace.Steps[f.N],
				trace.CallPath(f.N)})
		}
	}
	s.bench.target.Writes()
	return t, c.RestoreSnapshot(before)
}
