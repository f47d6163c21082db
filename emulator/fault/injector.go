package fault

import (
	"slices"

	"ekrona/emulator/vm"
)

// Injector is a probe that records commands and has faults happen in them. It serves one card.
type Injector struct {
	faults []Fault // that are still to happen, by their bytecode
	limit  int     // bytecodes after which the card counts as mute; 0 for none
	trace  *Trace  // that is recorded, or nil

	n        int // the bytecode that runs, -1 before the first
	elements int // values that it has read
	called   bool
	struck   int
}

// Probe is the probe for the card's machine.
func (i *Injector) Probe() vm.Probe {
	return vm.Probe{Instruction: i.instruction, Call: i.call, Read: i.read}
}

// Off has commands run undisturbed and unrecorded.
func (i *Injector) Off() { i.faults, i.limit, i.trace = nil, 0, nil }

// Record has the next command recorded in a trace.
func (i *Injector) Record(into *Trace) {
	i.Off()
	*into = Trace{instructions: into.instructions}
	i.trace, i.n = into, -1
}

// Arm has the next command meet the faults, each once and at another bytecode: those after the
// first count the bytecodes that are executed with the earlier ones. A command that executes more
// bytecodes than limit loses its power there: an attacker would pull the card.
func (i *Injector) Arm(limit int, faults ...Fault) {
	i.Off()
	i.faults = append(i.faults, faults...)
	slices.SortStableFunc(i.faults, func(a, b Fault) int { return a.N - b.N })
	i.limit, i.n, i.struck, i.elements = limit, -1, 0, 0
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

// strike is the action of the fault, which happens by it.
func (i *Injector) strike(f *Fault, was vm.Value) vm.Action {
	action := vm.Action{Kind: f.Model.kind}
	if f.Model.value != nil {
		action.Value = f.Model.value(was)
	}
	i.struck++
	i.faults = i.faults[1:]
	return action
}

func (i *Injector) instruction(at vm.Site) vm.Action {
	i.n++
	i.elements, i.called = 0, false
	if i.trace != nil {
		i.trace.add(at)
		return vm.Action{}
	}
	if len(i.faults) > 0 {
		if f := i.next(onInstruction); f != nil {
			return i.strike(f, 0)
		}
	}
	if i.limit > 0 && i.n >= i.limit {
		return vm.Action{Kind: vm.Cut}
	}
	return vm.Action{}
}

// call is asked about every method; the one that a bytecode calls is the first after it.
func (i *Injector) call(c *vm.Invocation) vm.Action {
	if i.called || i.n < 0 || c.Native != nil {
		return vm.Action{}
	}
	i.called = true
	if i.trace != nil {
		if s := i.trace.last(); s.instruction.IsCall() {
			s.calls, s.hasResult = true, c.Callee.HasResult()
		}
		return vm.Action{}
	}
	if f := i.next(onCall); f != nil {
		return i.strike(f, 0)
	}
	return vm.Action{}
}

// read is asked about values that bytecode reads, and bytes in arrays that natives do.
func (i *Injector) read(a *vm.Access) vm.Action {
	if i.n < 0 || a.Native != nil && !a.IsBytes() {
		return vm.Action{}
	}
	if i.trace != nil {
		s := i.trace.last()
		s.read += a.Length
		for e := range a.Length {
			i.trace.values = append(i.trace.values, a.Old(e))
		}
		return vm.Action{}
	}
	first := i.elements
	i.elements += a.Length
	f := i.next(onRead)
	if f == nil || f.Element < first || f.Element >= i.elements {
		return vm.Action{}
	}
	element := f.Element - first
	action := i.strike(f, a.Old(element))
	action.Index = element
	return action
}
