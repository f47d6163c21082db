package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	// more is how many bytecodes after the first one it hits too.
	more int
	// strikes reports whether it changes anything at that step.
	strikes func(s *Step) bool
}

// event is what a model hits.
type event uint8

const (
	onInstruction event = iota
	onCall
	onRead
)

// Models are the models that a campaign tries unless it names others.
func Models() []Model {
	all := []Model{
		{Name: "skip", About: "the bytecode is skipped, the stack stays", kind: vm.Skip,
			strikes: func(*Step) bool { return true }},
		{Name: "zero", About: "the bytecode pops its operands and pushes zeros", kind: vm.Replace,
			strikes: func(s *Step) bool {
				return !s.instruction.IsCall() &&
					s.instruction.TouchesStack()
			}, value: constant(0)},
		{Name: "invert", About: "the branch goes the other way", kind: vm.Invert,
			strikes: func(s *Step) bool { return s.instruction.IsConditional() }},
	}
	return append(all, calling("00", 0), calling("5A", 0x5A), calling("FFFF", -1),
		reading("00", 0), reading("FF", -1))
}

// families are the models that have a parameter in their name.
const (
	familySkip = "skip=" // so many bytecodes in a row are skipped, 2 to 99
	familyCall = "call=" // the call is skipped and has that result, in hex
	familyRead = "read=" // a value, or a byte that a native reads, is read as that, in hex
	familyFlip = "flip=" // that bit, from 0, is read inverted
)

const maxSkipped = 99

// ModelNamed finds a model: one of [Models], or of their families with another parameter, such as
// skip=2, call=01, read=80 and flip=7.
func ModelNamed(name string) (Model, error) {
	if parameter, is := strings.CutPrefix(name, familySkip); is {
		n, err := strconv.Atoi(parameter)
		if err != nil || n < 2 || n > maxSkipped || strconv.Itoa(n) != parameter {
			return Model{}, fmt.Errorf("%q skips no number of bytecodes from 2 to %d", name,
				maxSkipped)
		}
		return Model{Name: name, About: parameter + " bytecodes in a row are skipped",
			kind: vm.Skip, more: n - 1, strikes: func(*Step) bool { return true }}, nil
	}
	if parameter, is := strings.CutPrefix(name, familyCall); is {
		v, err := hexValue(parameter)
		return calling(parameter, v), err
	}
	if parameter, is := strings.CutPrefix(name, familyRead); is {
		v, err := hexValue(parameter)
		if v == 0xFF {
			v = -1 // of a short both bytes
		}
		return reading(parameter, v), err
	}
	if parameter, is := strings.CutPrefix(name, familyFlip); is {
		bit, err := strconv.ParseUint(parameter, 10, 4)
		if err != nil {
			return Model{}, fmt.Errorf("%q names no bit from 0 to 15", name)
		}
		return Model{Name: name, About: "bit " + parameter + " of what is read is inverted",
			event: onRead, kind: vm.Replace,
			value:   func(was vm.Value) vm.Value { return was ^ 1<<bit },
			strikes: func(s *Step) bool { return s.read > 0 }}, nil
	}
	models := Models()
	i := slices.IndexFunc(models, func(m Model) bool { return m.Name == name })
	if i < 0 {
		return Model{}, fmt.Errorf("no model of faults is called %q; there are %s, and skip=, "+
			"call=, read= and flip= with other values", name, strings.Join(names(models), ", "))
	}
	return models[i], nil
}

// calling is the model of the family of calls with that result, which parameter names.
func calling(parameter string, result vm.Value) Model {
	return Model{Name: familyCall + parameter,
		About: "the call is skipped; its result is " + parameter,
		event: onCall, kind: vm.Replace, value: constant(result), strikes: func(s *Step) bool {
			return s.calls && (s.hasResult || result == 0)
		}}
}

// reading is the model of the family of reads of that value, which parameter names.
func reading(parameter string, v vm.Value) Model {
	return Model{Name: familyRead + parameter,
		About: "what is read from memory is " + parameter,
		event: onRead, kind: vm.Replace, value: constant(v),
		strikes: func(s *Step) bool { return s.read > 0 }}
}

func names(models []Model) []string {
	var all []string
	for _, m := range models {
		all = append(all, m.Name)
	}
	return all
}

func constant(v vm.Value) func(vm.Value) vm.Value { return func(vm.Value) vm.Value { return v } }

// hexValue reads one byte or two, a short being signed.
func hexValue(text string) (vm.Value, error) {
	v, err := strconv.ParseUint(text, 16, 16)
	if err != nil || len(text) != 2 && len(text) != 4 {
		return 0, fmt.Errorf("%q is no value of a fault: give 2 or 4 hex digits", text)
	}
	if len(text) == 4 {
		return vm.Value(int16(v)), nil
	}
	return vm.Value(v), nil
}
