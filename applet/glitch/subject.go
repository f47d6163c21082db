package glitch

import (
	"context"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/emulator/fault"
)

// Subject is what faults are tried on: an applet, with the commands that it is given.
type Subject interface {
	// Name names it, with what it is: a journal is of one subject.
	Name() string
	// Find runs all commands without a fault, and returns the cases with those that are worth
	// trying, and how many faults of the models they can meet.
	Find(ctx context.Context, models []fault.Model) ([]*Target, error)
	// Bench makes a card to try them on; it is used by one goroutine at a time.
	Bench() (Bench, error)
}

// Bench is a card of a subject.
type Bench interface {
	// Run runs a target, and visits each of its commands that is worth trying. The experiment is
	// good during the visit.
	Run(ctx context.Context, t *Target, visit Visit) error
}

// Visit is called with the number of the command in its case, from 1, before it is sent.
type Visit func(exchange int, e *fault.Experiment, o Oracle) error

// Oracle judges what faults make of one command.
type Oracle interface {
	// Verdict is what a fault gained. The card of the experiment stands as the fault left it; what
	// it answered is r, or err if it is mute or was cut off. The oracle may leave the card anyhow.
	Verdict(r apdu.Response, err error) ([]Gain, error)
	// PlayOn sends the commands that follow in the case, without faults, as Verdict does: the card
	// stands as the fault left it, and is left anyhow. err is as for Verdict.
	PlayOn(err error) ([]Following, error)
	// MissCosts is what the command takes from an attacker whose fault missed, such as a try of the
	// PIN; "" for nothing.
	MissCosts() string
}

// Target is a case with those of its commands that are worth trying.
type Target struct {
	Case      string
	Exchanges map[int]int // the faults that each can meet
	Broken    error       // why it cannot be tried: without a fault it does not end as it should
}

// String names the target in a journal.
func (t *Target) String() string {
	if len(t.Exchanges) == 1 {
		for n := range t.Exchanges {
			return fmt.Sprintf("%s/%d", t.Case, n)
		}
	}
	return t.Case
}

// faults are those of all commands.
func (t *Target) faults() (n int) {
	for _, f := range t.Exchanges {
		n += f
	}
	return n
}
