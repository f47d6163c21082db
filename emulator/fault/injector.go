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
	trace  *Trace  // that is recorded, or nil

	n        int // the bytecode that runs, -1 before the first
	elements int // values that it has read
	called   bool
	struck   int
}

// NewInjector makes an injector for the card.
func NewInjector(c *card.Card) *Injector { return &Injector{card: c} }

func (i *Injector) on() {
	// no command runs
	_ = i.card.SetProbe(&vm.Probe{Instruction: i.instruction, Call: i.call, Read: i.read})
}

// Off has commands run undisturbed and unrecorded.
func (i *Injector) Off() {
	i.faults, i.limit, i.trace = nil, 0, nil
	_ = i.card.SetProbe(nil)
}

// Record has commands recorded in a trace, until the injector is off.
func (i *Injector) Record(into *Trace) {
	i.faults, i.limit = nil, 0
	i.trace, i.n = into, -1
	i.on()
}

// Arm has the next command meet the faults, each once and at another bytecode: those after the
// first count the bytecodes that are executed with the earlier ones. A command that executes more
// bytecodes than limit loses its power there: an attacker would pull the card.
func (i *Injector) Arm(limit int, faults ...Fault) {
	i.trace = nil
	i.faults = slices.Clone(faults)
	slices.SortStableFunc(i.faults, func(a, b Fault) int { return a.N - b.N })
	i.limit, i.n, i.struck, i.elements = limit, -1, 0, 0
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

// strike is the action of the fault, which happens by it.
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

// strikeStep is strike, unless the fault does not fit what runs: an earlier one may have led the
// command elsewhere. Then it does not happen.
func (i *Injector) strikeStep(f *Fault, s Step) vm.Action {
	if !f.Model.strikes(&s) {
		i.faults = i.faults[1:]
		return vm.Action{}
	}
	return i.strike(f, 0)
}

func (i *Injector) instruction(at vm.Site) vm.Action {
	i.n++
	i.elements, i.called = 0, false
	if i.trace != nil {
		i.trace.add(at)
	}
	if len(i.faults) > 0 {
		if f := i.next(onInstruction); f != nil {
			return i.strikeStep(f, Step{instruction: at.Instruction()})
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
	}
	if f := i.next(onCall); f != nil {
		return i.strikeStep(f, Step{calls: true, hasResult: c.Callee.HasResult()})
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
