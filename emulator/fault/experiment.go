package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// Experiment is a command to a card in a state: it can be sent as often as one likes, each time
// from that state and with other faults.
type Experiment struct {
	Card    *card.Card
	Command apdu.Command
	Trace   *Trace        // of the command without a fault
	Answer  apdu.Response // without a fault

	// The card before the command and after it, without a fault, and what it then holds.
	Before, After     *card.Snapshot
	HoldsBefore, Held vm.Fingerprint

	injector *Injector
	limit    int
}

// ErrNotAsBefore reports a command that, sent again from the same state without a fault, is not
// answered as before, or leaves something else: then nothing can be said of faults. The card's
// randomness must repeat (card.SeededRandom).
var ErrNotAsBefore = errors.New("sent again without a fault, the command is not as before")

// What a command may execute more with a fault than without before the card counts as mute.
const (
	limitFactor = 3
	limitMore   = 5000
)

// NewExperiment sends the command once, without a fault, and again to see that it repeats. The
// card must be at rest. The error is the card's, or ErrNotAsBefore.
func NewExperiment(
	ctx context.Context, c *card.Card, command apdu.Command,
) (*Experiment, error) {
	c.Machine().Remember()
	e := &Experiment{Card: c, Command: command, injector: NewInjector(c),
		HoldsBefore: c.Fingerprint()}
	var err error
	if e.Before, err = c.Snapshot(); err != nil {
		return nil, err
	}
	if e.Trace, e.Answer, err = Record(ctx, c, command); err != nil {
		return nil, fmt.Errorf("without a fault: %w", err)
	}
	e.Held = c.Fingerprint()
	if e.After, err = c.Snapshot(); err != nil {
		return nil, err
	}
	e.limit = limitFactor*len(e.Trace.Steps) + limitMore
	again, err := e.Try(ctx)
	if err != nil || !Same(again, e.Answer) || c.Fingerprint() != e.Held {
		return nil, errors.Join(ErrNotAsBefore, err)
	}
	return e, nil
}

// maxRecorded is how many bytecodes a command may execute that is recorded: each takes memory. It
// is some 20 seconds of a card's.
const maxRecorded = 1 << 21

// Record sends a command and records it. One that executes too many bytecodes mutes the card.
func Record(
	ctx context.Context, c *card.Card, command apdu.Command,
) (*Trace, apdu.Response, error) {
	c.Machine().SetBudget(maxRecorded)
	defer c.Machine().SetBudget(0)
	trace, injector := &Trace{}, NewInjector(c)
	injector.Record(trace)
	r, err := c.Transmit(ctx, command)
	injector.Off()
	return trace, r, err
}

// Same reports whether two answers are the same.
func Same(a, b apdu.Response) bool { return a.SW == b.SW && bytes.Equal(a.Data, b.Data) }

// Try sends the command from the state before it, with the faults. The card stands afterwards as
// they left it. The error is the card's, which is mute or was cut off.
func (e *Experiment) Try(ctx context.Context, faults ...Fault) (apdu.Response, error) {
	return e.send(ctx, e.limit, nil, 0, faults)
}

// send sends the command from the state before it, with the faults, and records it if into is not
// nil, at most so many steps unless most is 0; behind limit bytecodes the card loses its power.
func (e *Experiment) send(
	ctx context.Context, limit int, into *Trace, most int, faults []Fault,
) (apdu.Response, error) {
	if err := e.Card.RestoreSnapshot(e.Before); err != nil {
		return apdu.Response{}, err
	}
	e.injector.arm(limit, into, most, faults)
	r, err := e.Card.Transmit(ctx, e.Command)
	e.injector.Off()
	return r, err
}

// Window is Try with one fault, and records what is executed behind it, at most so many steps.
func (e *Experiment) Window(
	ctx context.Context, steps int, behind Fault,
) (*Trace, apdu.Response, error) {
	trace := &Trace{Before: behind.N + 1, instructions: e.Trace.instructions}
	r, err := e.send(ctx, e.limit, trace, steps, []Fault{behind})
	return trace, r, err
}

// Struck is how many of the faults of the last Try happened.
func (e *Experiment) Struck() int { return e.injector.Struck() }

// TraceOf records the command with the faults, from the state before it; the error is the card's.
func (e *Experiment) TraceOf(ctx context.Context, faults ...Fault) (*Trace, error) {
	trace := &Trace{instructions: e.Trace.instructions}
	_, err := e.send(ctx, e.limit, trace, 0, faults)
	return trace, err
}

// Time estimates how long a P71 has run when it comes to the n-th bytecode of the command, without
// what the wire takes.
func (e *Experiment) Time(ctx context.Context, n int) (time.Duration, error) {
	_, err := e.send(ctx, max(1, n), nil, 0, nil)
	if err != nil && !errors.Is(err, card.ErrPowerLost) {
		return 0, err
	}
	stats := e.Card.LastCommand()
	stats.CommandBytes = 0
	cost, err := card.Estimate(stats, card.Link{})
	return cost.Of(), err
}

// Leave sets the card to what it is after the command without a fault.
func (e *Experiment) Leave() error { return e.Card.RestoreSnapshot(e.After) }
