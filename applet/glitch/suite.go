package glitch

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/vm"
)

// seed of every run: names of faults are good as long as the applet and the suite stay.
const seed = "glitch"

// Suite is the e-krona's applet, with the commands of its APDU suite's cases.
type Suite struct {
	Profile card.Profile
	Case    string // only cases whose name contains this

	block []byte
	cases map[string]suite.Case
}

// NewSuite takes a CAP file of the applet.
func NewSuite(capFile []byte, profile card.Profile, named string) (*Suite, error) {
	file, err := cap.Parse(capFile)
	if err != nil {
		return nil, err
	}
	s := &Suite{Profile: profile, Case: named, block: file.LoadFile(),
		cases: map[string]suite.Case{}}
	for _, c := range suite.Untorn() {
		if strings.Contains(c.Name, named) {
			s.cases[c.Name] = c
		}
	}
	if len(s.cases) == 0 {
		return nil, fmt.Errorf("no case of the suite has %q in its name%s", apdu.Brief(named),
			apdu.Unknown(named, caseNames()))
	}
	return s, nil
}

// caseNames are the names of the suite's cases.
func caseNames() (names []string) {
	for _, c := range suite.Untorn() {
		names = append(names, c.Name)
	}
	return names
}

// Name implements [Subject].
func (s *Suite) Name() string {
	h := fnv.New64a()
	_, _ = h.Write(s.block)
	return fmt.Sprintf("suite of %016x on %s, case %q", h.Sum64(), s.Profile.Name, s.Case)
}

// alike are commands that execute the same bytecodes and are answered alike: one is tried.
type alike struct {
	trace  uint64
	sw     apdu.StatusWord
	length int
}

// Find implements [Subject].
func (s *Suite) Find(ctx context.Context, models []fault.Model) ([]*Target, error) {
	b := s.bench()
	known := map[alike]bool{}
	var all []*Target
	for _, c := range suite.Untorn() {
		if _, asked := s.cases[c.Name]; !asked {
			continue
		}
		t := &Target{Case: c.Name, Exchanges: map[int]int{}}
		err := b.run(ctx, c, func(at *stand, command apdu.Command) (apdu.Response, error) {
			trace, r, err := fault.Record(at.ctx, b.target.Card(), command)
			if err != nil {
				return r, err
			}
			if k := (alike{trace.Hash(), r.SW, len(r.Data)}); !known[k] {
				known[k] = true
				t.Exchanges[at.exchange] = trace.Count(models)
			}
			return r, nil
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			t.Broken = fmt.Errorf("without a fault: %w", err)
		}
		if len(t.Exchanges) > 0 || err != nil {
			all = append(all, t)
		}
	}
	return all, nil
}

// Bench implements [Subject].
func (s *Suite) Bench() (Bench, error) { return s.bench(), nil }

func (s *Suite) bench() *suiteBench {
	b := &suiteBench{subject: s,
		target: suite.NewChangedEmulator(s.Profile, s.block, vm.Probe{}).Seeded(seed)}
	b.runner.Seed = seed
	return b
}

// suiteBench has one card on which cases run, and faults.
type suiteBench struct {
	subject *Suite
	target  *suite.Emulator
	runner  suite.Runner
}

// stand is a command of a case, about to be sent.
type stand struct {
	ctx      context.Context // of the one case
	exchange int             // its number in the case, from 1
	known    *suite.Knowledge
	nonces   map[string]bool // that the card has answered
}

// run carries a case out; send sends each of its commands to the card.
func (b *suiteBench) run(
	ctx context.Context, c suite.Case, send func(*stand, apdu.Command) (apdu.Response, error),
) error {
	exchange := 0
	nonces := map[string]bool{}
	b.runner.Around = func(_ apdu.Card, known func() *suite.Knowledge) apdu.Card {
		transmit := func(ctx context.Context, command apdu.Command) (apdu.Response, error) {
			exchange++
			r, err := send(&stand{ctx, exchange, known(), nonces}, command)
			if command.INS == spec.GetChallenge.INS {
				nonces[string(r.Data)] = true
			}
			return r, err
		}
		return apdu.CardFunc(transmit)
	}
	return b.runner.Run(ctx, b.target, c)
}

// Run implements [Bench].
func (b *suiteBench) Run(ctx context.Context, t *Target, visit Visit) error {
	c, known := b.subject.cases[t.Case]
	if !known {
		return fmt.Errorf("%w: the suite has no case %q%s", ErrNoFault, apdu.Brief(t.Case),
			apdu.Unknown(t.Case, caseNames()))
	}
	var whole []next
	err := b.run(ctx, c, func(at *stand, command apdu.Command) (apdu.Response, error) {
		whole = append(whole, next{command: command})
		return b.target.Card().Transmit(at.ctx, command)
	})
	if err != nil {
		return err
	}
	var failed error
	err = b.run(ctx, c, func(at *stand, command apdu.Command) (apdu.Response, error) {
		if _, asked := t.Exchanges[at.exchange]; asked && failed == nil {
			if failed = b.visit(at, command, whole, visit); failed != nil {
				failed = fmt.Errorf("command %d: %w", at.exchange, failed)
			}
		}
		return b.target.Card().Transmit(at.ctx, command)
	})
	return errors.Join(failed, err)
}

// playedOn is how many of a case's commands are sent again after a fault, at most. The resets
// between them are not: the runs without a fault, half of them with a reset, are compared.
const playedOn = 8

// visit has the command visited, and leaves the card as if nothing had happened.
func (b *suiteBench) visit(at *stand, command apdu.Command, whole []next, visit Visit) error {
	e, err := fault.NewExperiment(at.ctx, b.target.Card(), command)
	if err != nil {
		return err
	}
	following := whole[min(at.exchange, len(whole)):]
	following = following[:min(len(following), playedOn)]
	err = visit(at.exchange, e, newJudge(at.ctx, e, at.known, at.nonces, following))
	b.target.Writes() // those of the oracle are nobody's
	return errors.Join(err, b.target.Card().RestoreSnapshot(e.Before))
}
