package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona/emulator/vm"
)

// Model is a kind of fault: what happens at the place that is hit.
type Model struct {
	Name  string // as in the names of faults: "skip", "read=FF"
	About string // in a few words

	event event
	kind  vm.ActionKind
	// value is what is put in a value's place, by what it was.
	value func(was vm.Value) vm.Value
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
	for _, v := range []string{"00", "5A", "FFFF"} {
		all = append(all, mustModel("call="+v))
	}
	for _, v := range []string{"00", "FF"} {
		all = append(all, mustModel("read="+v))
	}
	return all
}

// families are the models that have a parameter in their name.
const (
	familyCall = "call=" // the call is skipped and has that result, in hex
	familyRead = "read=" // a value, or a byte that a native reads, is read as that, in hex
	familyFlip = "flip=" // that bit, from 0, is read inverted
)

// ModelNamed finds a model: one of [Models], or of their families with another parameter, such as
// call=01, read=80 and flip=7.
func ModelNamed(name string) (Model, error) {
	if parameter, is := strings.CutPrefix(name, familyCall); is {
		v, err := hexValue(parameter)
		return Model{Name: name, About: "the call is skipped; its result is " + parameter,
			event: onCall, kind: vm.Replace, value: constant(v), strikes: func(s *Step) bool {
				return s.calls && (s.hasResult || v == 0)
			}}, err
	}
	if parameter, is := strings.CutPrefix(name, familyRead); is {
		v, err := hexValue(parameter)
		if v == 0xFF {
			v = -1 // of a short both bytes
		}
		return Model{Name: name, About: "what is read from memory is " + parameter,
			event: onRead, kind: vm.Replace, value: constant(v),
			strikes: func(s *Step) bool { return s.read > 0 }}, err
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
		return Model{}, fmt.Errorf("no model of faults is called %q; there are %s, and call=, "+
			"read= and flip= with other values", name, strings.Join(names(models), ", "))
	}
	return models[i], nil
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

func mustModel(name string) Model {
	m, err := ModelNamed(name)
	if err != nil {
		panic(err)
	}
	return m
}
