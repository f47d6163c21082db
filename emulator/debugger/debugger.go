package debugger

import (
	"errors"
	"fmt"
	"sync/atomic"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// Card is what a debugger works on: a [card.Card], or one with its manager.
type Card interface {
	TransmitBytes(command []byte) ([]byte, error)
	Snapshot() (*card.Snapshot, error)
	RestoreSnapshot(s *card.Snapshot) error
}

// Debugger runs commands on a card, and stops within them. It is used by one goroutine at a
// time, but for Pause.
type Debugger struct {
	card    Card
	machine *vm.VM
	names   *inspect.Names
	beside  vm.Probe

	// Hold keeps the card and what goes with it, such as the other side of a secure channel, so
	// that a step back sets back both; nil keeps the card alone.
	Hold func() (setBack func() error, err error)

	// Log gets the messages of breaks that log, while the command runs; nil drops them.
	Log func(b Break, message string)

	breaks []*Break
	last   int // number of the last break that was made
	at     map[place][]*Break
	hasAny bool // there is a break to which code or memory leads

	run   *run // nil unless a command is in progress
	pause atomic.Bool
}

// Reason is why a card stopped.
type Reason string

// The reasons.
const (
	AtBreak     Reason = "breakpoint"
	AtStep      Reason = "step"
	AtEntry     Reason = "entry" // the first instruction of a command
	AtWrite     Reason = "write"
	AtException Reason = "exception"
	AtPause     Reason = "pause"
	Ended       Reason = "ended"
)

// Stop is where a card stands, or how its command ended.
type Stop struct {
	Reason Reason
	Breaks []int  // numbers of the breaks that stopped it
	What   string // the write, the exception, or why a condition cannot be evaluated; ""
	Where  string // method and line
	Site   vm.Site

	// Of a command that has ended.
	Response []byte
	Err      error // why there is no response
}

// run is a command in progress.
type run struct {
	command []byte
	action  func() ([]byte, error)
	setBack func() error
	events  chan Stop
	resume  chan how

	// What the probe's functions use, which run while the debugger waits.
	how     how
	from    position
	count   int  // instructions so far
	entered bool // the first one has been
	stopped position
	inside  bool // it stands within an instruction
}

// how is how a card goes on.
type how struct {
	kind   kind
	until  int // of again: number of the instruction to stop at
	seen   *past
	within Stop // of again: the break to tell, where that is not at the instruction
}

type kind int

const (
	toBreak kind = iota
	stepIn
	stepOver
	stepOut
	stepInstruction
	again   // to an instruction that it has been at, without a stop before
	abandon // nothing of it is wanted
)

// position is an instruction with its line.
type position struct {
	site vm.Site
	file string
	line int
}

// New makes a debugger of a card. machine is the card's.
func New(c Card, machine *vm.VM, names *inspect.Names) *Debugger {
	return &Debugger{card: c, machine: machine, names: names}
}

// Beside is a probe that the card has whenever a command runs, the debugger beside it or not. What
// runs again after a step back it sees again, from the beginning of the command on.
func (d *Debugger) Beside(p vm.Probe) error {
	d.beside = p
	if d.run != nil {
		return nil // from the end of the command on
	}
	return d.machine.SetProbe(p)
}

// Running reports whether a command is in progress, which is stopped then.
func (d *Debugger) Running() bool { return d.run != nil }

// AtFirst reports whether a command stands at its first instruction.
func (d *Debugger) AtFirst() bool { return d.run != nil && d.run.count == 1 && !d.run.inside }

// errRunning and errIdle refuse what does not fit.
var (
	errRunning = errors.New("a command is in progress: continue it to its end first")
	errIdle    = errors.New("no command is in progress")
)

// Start sends a command and waits until it stops or ends. With entry it stops at its first
// instruction.
func (d *Debugger) Start(command []byte, entry bool) (Stop, error) {
	return d.StartAction(command, func() ([]byte, error) {
		return d.card.TransmitBytes(command)
	}, entry)
}

// StartAction is Start for anything that has the card run, such as an installation, or a command
// over a secure channel. A step back does it again. command is what breaks on commands look at.
func (d *Debugger) StartAction(
	command []byte, action func() ([]byte, error), entry bool,
) (Stop, error) {
	r, err := d.newRun(command, action)
	if err != nil {
		return Stop{}, err
	}
	first := how{kind: toBreak}
	if entry {
		first.kind = stepInstruction
	}
	d.run = r
	return d.launch(first), nil
}

// newRun is a command that is to run, unless one does.
func (d *Debugger) newRun(command []byte, action func() ([]byte, error)) (*run, error) {
	if d.run != nil {
		return nil, errRunning
	}
	setBack, err := d.hold()
	if err != nil {
		return nil, err
	}
	d.resolve()
	return &run{command: command, action: action, setBack: setBack}, nil
}

// launch runs the command from its beginning and waits.
func (d *Debugger) launch(first how) Stop {
	r := d.run
	r.events, r.resume = make(chan Stop), make(chan how)
	r.how, r.count, r.entered, r.from = first, 0, false, position{}
	probe := d.beside
	switch {
	case first.seen != nil:
		probe = d.probe() // it only looks for the place
	case first.kind != toBreak, d.hasAny, len(d.atCommand(r.command)) > 0:
		probe = vm.Probes(d.beside, d.probe())
	}
	if err := d.machine.SetProbe(probe); err != nil {
		d.run = nil
		return Stop{Reason: Ended, Err: err}
	}
	go func() {
		response, err := r.action()
		r.events <- Stop{Reason: Ended, Response: response, Err: err}
	}()
	return d.wait()
}

// wait waits until the command stops or ends.
func (d *Debugger) wait() Stop {
	s := <-d.run.events
	if s.Reason == Ended {
		d.run = nil
		if err := d.machine.SetProbe(d.beside); err != nil && s.Err == nil {
			s.Err = err
		}
	}
	return s
}

// resumed lets the card go on in some way and waits.
func (d *Debugger) resumed(h how) (Stop, error) {
	if d.run == nil {
		return Stop{}, errIdle
	}
	d.resolve()
	d.run.resume <- h
	return d.wait(), nil
}

// Resume goes on to the next break, or the end.
func (d *Debugger) Resume() (Stop, error) { return d.resumed(how{kind: toBreak}) }

// StepIn goes on to the next line, into what the line calls; to the next instruction where
// lines are not known.
func (d *Debugger) StepIn() (Stop, error) { return d.resumed(how{kind: stepIn}) }

// StepOver goes on to the next line of the method, or of its caller.
func (d *Debugger) StepOver() (Stop, error) { return d.resumed(how{kind: stepOver}) }

// StepOut goes on until the method has ended.
func (d *Debugger) StepOut() (Stop, error) { return d.resumed(how{kind: stepOut}) }

// StepInstruction goes on to the next instruction.
func (d *Debugger) StepInstruction() (Stop, error) { return d.resumed(how{kind: stepInstruction}) }

// Pause stops a command that runs, at its next instruction, if it has a probe. Any goroutine
// may call it.
func (d *Debugger) Pause() { d.pause.Store(true) }

// Abandon gives the command up: the card is as before it.
func (d *Debugger) Abandon() error {
	if d.run == nil {
		return nil
	}
	r := d.run
	r.resume <- how{kind: abandon}
	d.wait()
	return r.restore()
}

// hold keeps what a step back sets back.
func (d *Debugger) hold() (setBack func() error, err error) {
	hold := d.Hold
	if hold == nil {
		hold = func() (func() error, error) {
			kept, err := d.card.Snapshot()
			return func() error { return d.card.RestoreSnapshot(kept) }, err
		}
	}
	held, err := hold()
	counts := d.Counts()
	return func() error {
		counts()
		return held()
	}, err
}

// restore sets the card back to before the command.
func (r *run) restore() error {
	if err := r.setBack(); err != nil {
		return fmt.Errorf("set the card back: %w", err)
	}
	return nil
}
