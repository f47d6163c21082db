package glitch

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/emulator/fault"
)

// Repetition is one fault, or a pair, repeated by its name.
type Repetition struct {
	Fault    string
	Places   []Place // where the faults are
	Path     []Place // calls down to the first
	Command  apdu.Command
	Before   apdu.Response // without the faults
	Answer   apdu.Response // with them
	Mute     error         // why there is no answer, or nil
	Gains    []Gain
	Happened int         // of the faults
	Then     []Following // sent after it, without faults
}

// errVisited ends a run whose command has been visited.
var errVisited = errors.New("visited")

// Repeat has one fault, or a pair, happen again, by its whole name.
func Repeat(ctx context.Context, s Subject, places *Places, name string) (*Repetition, error) {
	named, exchange, faults, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	b, err := s.Bench()
	if err != nil {
		return nil, err
	}
	var r *Repetition
	t := &Target{Case: named, Exchanges: map[int]int{exchange: 0}}
	err = b.Run(ctx, t, func(_ int, e *fault.Experiment, o Oracle) error {
		r = &Repetition{Fault: name, Command: e.Command, Before: e.Answer}
		steps := e.Trace.Steps
		if n := faults[0].N; n >= len(steps) {
			return fmt.Errorf("%w: %s: the command executes %d bytecodes", ErrNoFault, name,
				len(steps))
		}
		disturbed, _ := e.TraceOf(ctx, faults...) // mute or not, it is a trace
		for _, f := range faults {
			if f.N < len(disturbed.Steps) {
				r.Places = append(r.Places, places.Of(disturbed.Steps[f.N]))
			}
		}
		for _, s := range e.Trace.CallPath(faults[0].N) {
			r.Path = append(r.Path, places.Of(s))
		}
		var failed error
		r.Answer, r.Mute = e.Try(ctx, faults...)
		r.Happened = e.Struck()
		if r.Gains, failed = o.Verdict(r.Answer, r.Mute); failed != nil {
			return failed
		}
		_, mute := e.Try(ctx, faults...)
		if r.Then, failed = o.PlayOn(mute); failed != nil {
			return failed
		}
		return errVisited
	})
	switch {
	case errors.Is(err, errVisited):
		return r, nil
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s: the case has no command %d", ErrNoFault, name, exchange)
}
