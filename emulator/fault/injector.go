package fault

import (
	"slices"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// Injector records commands of one card, and has faults happen in them. While it does, it is the
// probe of the card's machine; else the card has its own probe, and the injector costs nothing.
type Injector struct {
	card *card.Card

	faults []Fault // that are still to happen, by their bytecode
	limit  int     // bytecodes after which the card counts as mute; 0 for none

	trace     *Trace // that is recorded, or nil
	most      int    // steps that it may have; 0 for any number
	recording bool   // what runs is a step of it

	n       int // the bytecode that runs, -1 before the first
	read    int // values that it has read
	written int // and written
	called  bool
	struck  int

	unwritten bool    // nothing more is written by the bytecode that runs
	stuck     []place // bytecodes that are skipped whenever they come
}

// NewInjector makes an injector for the card.
func NewInjector(c *card.Card) *Injector { return &Injector{card: c} }

func (i *Injector) on() {
	// no command runs
	probe := vm.Probe{Instruction: i.instruction, Call: i.call, Read: i.reads}
	if i.trace != nil || i.has(onWrite) {
		probe.Write = i.writes
	}
	if i.trace != nil || i.has(onThrow) {
		probe.Throw = i.throws
	}
	_ = i.card.SetProbe(&probe)
}

// has reports whether one of the faults is of that event.
func (i *Injector) has(event event) bool {
	return slices.ContainsFunc(i.faults, func(f Fault) bool { return f.Model.event == event })
}

// Off has commands run undisturbed and unrecorded.
func (i *Injector) Off() {
	i.faults, i.limit, i.trace, i.stuck, i.recording = nil, 0, nil, nil, false
	_ = i.card.SetProbe(nil)
}

// Record has commands recorded in a trace, until the injector is off.
func (i *Injector) Record(into *Trace) {
	i.faults, i.limit, i.stuck = nil, 0, nil
	i.trace, i.most, i.n = into, 0, -1
	i.on()
}

// Arm has the next command meet the faults, each once and at another bytecode: those after the
// first count the bytecodes that are executed with the earlier ones. A command that executes more
// bytecodes than limit loses its power there: an attacker would pull the card.
func (i *Injector) Arm(limit int, faults ...Fault) { i.arm(limit, nil, 0, faults) }

// arm is Arm, and has the command recorded unless into is nil, as many steps as most says behind
// those that the trace leaves out.
func (i *Injector) arm(limit int, into *Trace, most int, faults []Fault) {
	i.trace, i.most = into, most
	i.faults = slices.Clone(faults)
	slices.SortStableFunc(i.faults, func(a, b Fault) int { return a.N - b.N })
	i.limit, i.n, i.struck, i.stuck = limit, -1, 0, i.stuck[:0]
	i.on()
}

// Struck is how many of the faults that the injector was armed with have happened.
func (i *Injector) Struck() int { return i.struck }

// next is the fault that is to happen at the bytecode that runs, if it is of that event.
func (i *Injector) next(of event) *Fault {
	for len(i.faults) > 0 && i.faults[0].N < i.n {
		i.faults = i.faults[1:] // it could not happen
	}
	if len(i.faults) == 0 || i.faults[0].N != i.n || i.faults[0].Model.event != of {
		return nil
	}
	return &i.faults[0]
}

// strike is the action of the fault, which happens by it: the value was what it hits.
func (i *Injector) strike(f *Fault, was vm.Value) vm.Action {
	action := vm.Action{Kind: f.Model.kind}
	if f.Model.value != nil {
		action.Value = f.Model.value(was)
	}
	if !f.goesOn {
		i.struck++
	}
	if f.Model.more > 0 {
		f.Model.more--
		f.N, f.goesOn = f.N+1, true
	} else {
		i.faults = i.faults[1:]
	}
	return action
}

// misses gives a fault up that does not fit what runs: an earlier one may have led the command
// elsewhere. Then it does not happen.
func (i *Injector) misses() vm.Action {
	i.faults = i.faults[1:]
	return vm.Action{}
}

func (i *Injector) instruction(at vm.Site) vm.Action {
	i.n++
	i.read, i.written, i.called, i.unwritten = 0, 0, false, false
	if i.trace != nil {
		i.recording = i.n >= i.trace.Before && (i.most == 0 || i.n < i.trace.Before+i.most)
		if i.recording {
			i.trace.add(at)
		}
	}
	if len(i.faults) > 0 {
		if f := i.next(onInstruction); f != nil {
			return i.strikeInstruction(f, at)
		}
	}
	if len(i.stuck) > 0 && slices.Contains(i.stuck, place{at.Method, at.PC}) {
		return vm.Action{Kind: vm.Skip}
	}
	if i.limit > 0 && i.n >= i.limit {
		return vm.Action{Kind: vm.Cut}
	}
	return vm.Action{}
}

func (i *Injector) strikeInstruction(f *Fault, at vm.Site) vm.Action {
	s := Step{instruction: at.Instruction()}
	if !f.Model.strikes(&s) {
		return i.misses()
	}
	if f.Model.stays {
		i.stuck = append(i.stuck, place{at.Method, at.PC})
	}
	var was vm.Value
	below := 0
	if f.Model.operand != nil {
		below, _ = f.Model.operand(s.instruction)
		was, _ = i.card.Machine().Operand(below) // 0 at the bottom of the stack
	}
	action := i.strike(f, was)
	if action.Kind == vm.Alter {
		action.Index = below
	}
	return action
}

// call is asked about every method; the one that a bytecode calls is the first after it.
func (i *Injector) call(c *vm.Invocation) vm.Action {
	if i.called || i.n < 0 || c.Native != nil {
		return vm.Action{}
	}
	i.called = true
	if i.recording {
		if s := i.trace.last(); s.instruction.IsCall() {
			i.trace.addCall(s, c)
		}
	}
	if f := i.next(onCall); f != nil {
		if !f.Model.strikes(&Step{calls: true, hasResult: c.Callee.HasResult()}) {
			return i.misses()
		}
		return i.strike(f, 0)
	}
	if f := i.next(onArgument); f != nil {
		cells := numbers(c)
		if f.Element >= len(cells) {
			return i.misses()
		}
		cell := cells[f.Element]
		action := i.strike(f, vm.Value(c.Arguments[cell]))
		action.Index = cell
		return action
	}
	return vm.Action{}
}

// numbers are the arguments of a native that are no references.
func numbers(c *vm.Invocation) []int {
	if !c.Callee.Native() {
		return nil
	}
	return c.Callee.Numbers()
}

// reads is asked about values that bytecode reads, and bytes in arrays that natives do.
func (i *Injector) reads(a *vm.Access) vm.Action {
	if i.isHidden(a) {
		return vm.Action{}
	}
	if i.recording {
		s := i.trace.last()
		s.read += a.Length
		for e := range a.Length {
			i.trace.values = append(i.trace.values, a.Old(e))
		}
	}
	first := i.read
	i.read += a.Length
	return i.strikeElement(i.next(onRead), first, a.Length, a.Old)
}

// writes is the same for what is written.
func (i *Injector) writes(a *vm.Access) vm.Action {
	switch {
	case i.isHidden(a):
		return vm.Action{}
	case i.unwritten:
		return vm.Action{Kind: vm.Skip}
	}
	if i.recording {
		s := i.trace.last()
		s.written += a.Length
		for e := range a.Length {
			i.trace.newValues = append(i.trace.newValues, a.New(e))
		}
	}
	first := i.written
	i.written += a.Length
	f := i.next(onWrite)
	if f != nil && f.Model.whole {
		i.unwritten = true
		return i.strike(f, 0)
	}
	return i.strikeElement(f, first, a.Length, a.New)
}

// isHidden reports whether an access is the machine's own, or to the fields of a native's object.
func (i *Injector) isHidden(a *vm.Access) bool {
	return i.n < 0 || a.Native != nil && !a.IsBytes()
}

// strikeElement has a fault, unless it is nil, happen to one of the elements from first.
func (i *Injector) strikeElement(
	f *Fault, first, length int, value func(element int) vm.Value,
) vm.Action {
	if f == nil || f.Element < first || f.Element >= first+length {
		return vm.Action{}
	}
	element := f.Element - first
	action := i.strike(f, value(element))
	action.Index = element
	return action
}

// throws is asked about every exception.
func (i *Injector) throws(*vm.Exception) vm.Action {
	if i.n < 0 {
		return vm.Action{}
	}
	if i.recording {
		i.trace.last().throws = true
	}
	if f := i.next(onThrow); f != nil {
		return i.strike(f, 0)
	}
	return vm.Action{}
}
