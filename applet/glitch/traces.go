package glitch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/emulator/fault"
)

// Executed is a command and what it executed.
type Executed struct {
	Exchange int // its number, from 1
	Command  apdu.Command
	Answer   apdu.Response
	Trace    *fault.Trace
}

// ErrNoApplet reports commands none of which has an applet execute anything.
var ErrNoApplet = errors.New("no command reaches an applet: select one first, by the name that " +
	"it is installed under")

// Traces records every command of a script, sent once.
func (s *Script) Traces(ctx context.Context) ([]Executed, error) {
	b, err := s.bench()
	if err != nil {
		return nil, err
	}
	var all []Executed
	for _, line := range s.lines {
		if line.reset {
			b.card.Reset()
			continue
		}
		x := Executed{Exchange: len(all) + 1, Command: line.step.Command}
		if x.Trace, x.Answer, err = s.record(ctx, b.card, line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", s.FileName, line.number, err)
		}
		all = append(all, x)
	}
	if !slices.ContainsFunc(all, func(x Executed) bool { return len(x.Trace.Steps) > 0 }) {
		return nil, fmt.Errorf("%s: %w", s.FileName, ErrNoApplet)
	}
	return all, nil
}

// Secrets are what may differ between two runs of a case.
type Secrets struct {
	Seed   string                    // keys and random numbers follow from it
	Digits func(usual string) string // of PINs and PUKs in place of the usual ones; nil for those
	Alter  func(*Executed)           // changes the data of a command before it is sent, unless nil
}

// Traces records every command of one of the suite's cases.
func (s *Suite) Traces(ctx context.Context, named string, of Secrets) ([]Executed, error) {
	c, known := s.cases[named]
	if !known {
		return nil, fmt.Errorf("the suite has no case %q%s", apdu.Brief(named),
			apdu.Unknown(named, caseNames()))
	}
	b := s.bench()
	b.target, b.runner.Seed, b.runner.Digits = b.target.Seeded(of.Seed), of.Seed, of.Digits
	var all []Executed
	err := b.run(ctx, c, func(at *stand, command apdu.Command) (r apdu.Response, err error) {
		x := Executed{Exchange: at.exchange, Command: command}
		if of.Alter != nil {
			of.Alter(&x)
		}
		x.Trace, x.Answer, err = fault.Record(at.ctx, b.target.Card(), x.Command)
		all = append(all, x)
		return x.Answer, err
	})
	return all, err
}

// Parting is where two runs of a command part.
type Parting struct {
	Exchange int
	Command  apdu.Command
	Place    Place // of the last bytecode that both have executed
	Mnemonic string
	A, B     string // where each goes on
	fault.Parting
}

// PartingsOf compares two runs, command by command, and returns where they part. The error is of
// runs that do not have the same commands.
func PartingsOf(places *Places, a, b []Executed) ([]Parting, error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("one run has %d commands, the other %d", len(a), len(b))
	}
	var all []Parting
	for n := range a {
		x, y := a[n], b[n]
		if x.Command.INS != y.Command.INS || x.Command.CLA != y.Command.CLA {
			return nil, fmt.Errorf("command %d is %02X%02X in one run, %02X%02X in the other",
				n+1, x.Command.CLA, x.Command.INS, y.Command.CLA, y.Command.INS)
		}
		for _, p := range fault.Partings(x.Trace, y.Trace) {
			parting := Parting{Exchange: x.Exchange, Command: x.Command, Parting: p,
				A: places.goesOn(p.A), B: places.goesOn(p.B)}
			if p.Last != nil {
				parting.Place, parting.Mnemonic = places.Of(*p.Last), p.Last.Mnemonic()
			}
			all = append(all, parting)
		}
	}
	return all, nil
}

func (p *Places) goesOn(s *fault.Step) string {
	if s == nil {
		return "its end"
	}
	return p.Of(*s).String()
}
