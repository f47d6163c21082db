package fault

import (
	"fmt"
	"hash/fnv"
	"iter"

	"ekrona.example/emulator/vm"
)

// Trace is what a command executed.
type Trace struct {
	Steps []Step
	// Before is how many bytecodes were executed before the first step.
	Before int

	// What the steps read, wrote and gave natives, one after the other.
	values, newValues, arguments []vm.Value

	instructions map[place]vm.Instruction
}

type place struct {
	method *vm.Method
	pc     int
}

// Step is one bytecode that was executed, with what it called and read.
type Step struct {
	Method *vm.Method
	PC     int
	Depth  int // of its activation

	instruction vm.Instruction
	calls       bool
	hasResult   bool // what it calls has
	throws      bool

	// How many values it read, wrote and gave a native, and where they are.
	read, written, numbers          int
	values, newValues, firstNumbers int
}

// String names the bytecode.
func (s Step) String() string { return fmt.Sprintf("%s %s", s.Method.At(s.PC), s.Mnemonic()) }

// Mnemonic names the instruction.
func (s Step) Mnemonic() string { return s.instruction.Mnemonic }

func (t *Trace) add(at vm.Site) {
	here := place{at.Method, at.PC}
	i, known := t.instructions[here]
	if !known {
		i = at.Instruction()
		if t.instructions == nil {
			t.instructions = map[place]vm.Instruction{}
		}
		t.instructions[here] = i
	}
	t.Steps = append(t.Steps, Step{Method: at.Method, PC: at.PC, Depth: at.Depth,
		instruction: i, values: len(t.values), newValues: len(t.newValues),
		firstNumbers: len(t.arguments)})
}

// addCall notes what a step calls.
func (t *Trace) addCall(s *Step, c *vm.Invocation) {
	s.calls, s.hasResult = true, c.Callee.HasResult()
	for _, cell := range numbers(c) {
		s.numbers++
		t.arguments = append(t.arguments, vm.Value(c.Arguments[cell]))
	}
}

// last is the step that runs; nil before the first.
func (t *Trace) last() *Step {
	if len(t.Steps) == 0 {
		return nil
	}
	return &t.Steps[len(t.Steps)-1]
}

// Faults are all faults of the models that the command can meet, but those that change nothing:
// a value that is read as what it is.
func (t *Trace) Faults(models []Model) iter.Seq[Fault] {
	return func(yield func(Fault) bool) {
		for n := range t.Steps {
			s := &t.Steps[n]
			for _, m := range models {
				if !m.strikes(s) {
					continue
				}
				for e := range t.Elements(t.Before+n, m) {
					values := t.valuesOf(s, m)
					if values != nil && m.value(values[e]) == values[e] {
						continue
					}
					if !yield(Fault{Model: m, N: t.Before + n, Element: e}) {
						return
					}
				}
			}
		}
	}
}

// Elements is how many faults of a model there are at the n-th bytecode of the command; 0 if the
// trace does not have it.
func (t *Trace) Elements(n int, m Model) int {
	if n -= t.Before; n < 0 || n >= len(t.Steps) {
		return 0
	}
	s := &t.Steps[n]
	if !m.strikes(s) {
		return 0
	}
	if values := t.valuesOf(s, m); values != nil {
		return len(values)
	}
	return 1
}

// valuesOf are the values of a step of which the model hits one; nil if it hits none.
func (t *Trace) valuesOf(s *Step, m Model) []vm.Value {
	if !m.hasElements() {
		return nil
	}
	switch m.event {
	case onRead:
		return t.values[s.values : s.values+s.read]
	case onWrite:
		return t.newValues[s.newValues : s.newValues+s.written]
	}
	return t.arguments[s.firstNumbers : s.firstNumbers+s.numbers]
}

// Count is how many faults of the models the command can meet.
func (t *Trace) Count(models []Model) (n int) {
	for range t.Faults(models) {
		n++
	}
	return n
}

// CallPath is the steps that called one another down to step n, the outermost first, and step n.
func (t *Trace) CallPath(n int) []Step {
	path := []Step{t.Steps[n]}
	for i := n - 1; i >= 0; i-- {
		if t.Steps[i].Depth < path[0].Depth && t.Steps[i].instruction.IsCall() {
			path = append([]Step{t.Steps[i]}, path...)
		}
	}
	return path
}

// Hash is the same for two commands that executed the same.
func (t *Trace) Hash() uint64 {
	h := fnv.New64a()
	var b [4]byte
	for i := range t.Steps {
		pc := t.Steps[i].PC
		b[0], b[1], b[2], b[3] = byte(pc), byte(pc>>8), byte(pc>>16), byte(t.Steps[i].Depth)
		_, _ = h.Write(b[:])
	}
	return h.Sum64()
}
