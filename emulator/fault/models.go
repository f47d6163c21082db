package fault

import (
	"slices"

	"ekrona.example/emulator/vm"
)

// Model is a kind of fault: what happens at the place that is hit.
type Model struct {
	Name  string // as in the names of faults: "skip", "read=FF"
	About string // in a few words

	event event
	kind  vm.ActionKind
	// value is what is put in a value's place, by what it was.
	value func(was vm.Value) vm.Value
	// operand is how far below the top of the stack the value is that value is given, of a model
	// that hits instructions; nil if it is given none.
	operand func(i vm.Instruction) (below int, ok bool)
	// more is how many bytecodes after the first one it hits too.
	more int
	// stays says that it hits the same bytecode whenever that comes again in the command.
	stays bool
	// whole says that it hits all that its bytecode writes, and not one element.
	whole bool
	// strikes reports whether it changes anything at that step.
	strikes func(s *Step) bool
}

// event is what a model hits.
type event uint8

const (
	onInstruction event = iota
	onCall
	onArgument // of a call of a native
	onRead
	onWrite
	onThrow
)

// hasElements reports whether the model hits one of several values of a step.
func (m *Model) hasElements() bool {
	return !m.whole && (m.event == onRead || m.event == onWrite || m.event == onArgument)
}

// Models are the models that a campaign tries unless it names others.
func Models() []Model {
	return append(slices.Clone(plain[:usual]), calling("00", 0), calling("5A", 0x5A),
		calling("FFFF", -1), reading("00", 0), reading("FF", -1))
}

// AllModels are those of [Models] and what else a laboratory asks for, each family with the
// parameters that are worth trying.
func AllModels() []Model {
	all := append(Models(), plain[usual:]...)
	for n := 2; n <= 4; n++ {
		all = append(all, skipping(n))
	}
	for bit := range 8 {
		all = append(all, flipping(bit))
	}
	all = append(all, writing("00", 0), writing("FF", -1), arguing("00", constant(0)))
	for _, by := range []int{1, -1} {
		all = append(all, indexing(by), arguing(signed(by), adding(by)), jumping(by), jumping(2*by),
			jumping(3*by))
	}
	return all
}

// usual is how many of the plain models are among [Models].
const usual = 3

// plain are the models without a parameter.
var plain = []Model{
	{Name: "skip", About: "the bytecode is skipped, the stack stays", kind: vm.Skip,
		strikes: always},
	{Name: "zero", About: "the bytecode pops its operands and pushes zeros", kind: vm.Replace,
		value: constant(0), strikes: func(s *Step) bool {
			return !s.instruction.IsCall() && s.instruction.TouchesStack()
		}},
	{Name: "invert", About: "the branch goes the other way", kind: vm.Invert,
		strikes: func(s *Step) bool { return s.instruction.IsConditional() }},

	{Name: "previous", About: "the bytecode's result is the value that lies below it on the stack",
		kind: vm.Replace, value: adding(0), operand: func(i vm.Instruction) (int, bool) {
			return i.Pops(), true
		}, strikes: func(s *Step) bool {
			return !s.instruction.IsCall() && s.instruction.Results() > 0
		}},
	{Name: "stuck", About: "the counter stays what it is, here and whenever the bytecode comes " +
		"again", kind: vm.Skip, stays: true,
		strikes: func(s *Step) bool { return s.instruction.IsIncrement() }},
	{Name: "unwritten", About: "nothing is written of what the bytecode, or the native that it " +
		"calls, writes to fields and arrays", event: onWrite, kind: vm.Skip, whole: true,
		strikes: func(s *Step) bool { return s.written > 0 }},
	{Name: "uncaught", About: "the exception passes the handler that would catch it",
		event: onThrow, kind: vm.Pass, strikes: func(s *Step) bool { return s.throws }},
	{Name: "unthrown", About: "no handler is looked for: code goes on behind what threw",
		event: onThrow, kind: vm.Skip, strikes: func(s *Step) bool { return s.throws }},
}

func always(*Step) bool { return true }

func constant(v vm.Value) func(vm.Value) vm.Value { return func(vm.Value) vm.Value { return v } }

func adding(by int) func(vm.Value) vm.Value {
	return func(was vm.Value) vm.Value { return was + vm.Value(by) }
}
