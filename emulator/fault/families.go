package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/vm"
)

// family is the models whose names begin alike and end with a parameter.
type family struct {
	name string
	read func(parameter string) (Model, error)
}

// The families, by what their names begin with.
const (
	familySkip     = "skip="     // so many bytecodes in a row are skipped, 2 to 99
	familyCall     = "call="     // the call is skipped and has that result, in hex
	familyRead     = "read="     // a value, or a byte that a native reads, is read as that, in hex
	familyFlip     = "flip="     // that bit, from 0, is read inverted
	familyWrite    = "write="    // a value, or a byte that a native writes, is written as that
	familyJump     = "jump="     // a branch lands so many bytecodes behind its target: -1, +2
	familyIndex    = "index="    // the index into an array is wrong by so much: -1, +2
	familyArgument = "argument=" // a number that a native is given is wrong by -1, +2, or is 10 hex
)

var families = []family{
	{familySkip, readSkipping},
	{familyCall, func(parameter string) (Model, error) {
		v, err := hexValue(parameter)
		return calling(parameter, v), err
	}},
	{familyRead, func(parameter string) (Model, error) {
		v, err := memoryValue(parameter)
		return reading(parameter, v), err
	}},
	{familyFlip, readFlipping},
	{familyWrite, func(parameter string) (Model, error) {
		v, err := memoryValue(parameter)
		return writing(parameter, v), err
	}},
	{familyJump, func(parameter string) (Model, error) {
		by, err := distance(parameter)
		return jumping(by), err
	}},
	{familyIndex, func(parameter string) (Model, error) {
		by, err := distance(parameter)
		return indexing(by), err
	}},
	{familyArgument, readArguing},
}

// ModelNamed finds a model: one of [AllModels], or of their families with another parameter, such
// as skip=5, call=01, read=80, flip=9, write=80, jump=-2, index=+3 and argument=10.
func ModelNamed(name string) (Model, error) {
	for _, f := range families {
		if parameter, is := strings.CutPrefix(name, f.name); is {
			return f.read(parameter)
		}
	}
	i := slices.IndexFunc(plain, func(m Model) bool { return m.Name == name })
	if i < 0 {
		var known []string
		for _, m := range plain {
			known = append(known, m.Name)
		}
		for _, f := range families {
			known = append(known, f.name)
		}
		if near := apdu.Nearest(name, known); len(near) > 0 {
			return Model{}, fmt.Errorf("no model of faults is called %q; nearest: %s",
				apdu.Brief(name), strings.Join(near, ", "))
		}
		return Model{}, fmt.Errorf("no model of faults is called %q; there are %s, those that end "+
			"with = with a value", apdu.Brief(name), strings.Join(known, ", "))
	}
	return plain[i], nil
}

const maxSkipped = 99

func readSkipping(parameter string) (Model, error) {
	n, err := strconv.Atoi(parameter)
	if err != nil || n < 2 || n > maxSkipped || strconv.Itoa(n) != parameter {
		return Model{}, fmt.Errorf("%q skips no number of bytecodes from 2 to %d",
			familySkip+parameter, maxSkipped)
	}
	return skipping(n), nil
}

func skipping(n int) Model {
	parameter := strconv.Itoa(n)
	return Model{Name: familySkip + parameter, About: parameter + " bytecodes in a row are skipped",
		kind: vm.Skip, more: n - 1, strikes: always}
}

// calling is a call with that result, which parameter names.
func calling(parameter string, result vm.Value) Model {
	return Model{Name: familyCall + parameter,
		About: "the call is skipped; its result is " + parameter,
		event: onCall, kind: vm.Replace, value: constant(result), strikes: func(s *Step) bool {
			return s.calls && (s.hasResult || result == 0)
		}}
}

// reading is a read of that value, which parameter names.
func reading(parameter string, v vm.Value) Model {
	return Model{Name: familyRead + parameter,
		About: "what is read from memory is " + parameter,
		event: onRead, kind: vm.Replace, value: constant(v), strikes: reads}
}

func reads(s *Step) bool { return s.read > 0 }

const maxBit = 15

func readFlipping(parameter string) (Model, error) {
	bit, err := strconv.Atoi(parameter)
	if err != nil || bit < 0 || bit > maxBit || strconv.Itoa(bit) != parameter {
		return Model{}, fmt.Errorf("%q names no bit from 0 to %d", familyFlip+parameter, maxBit)
	}
	return flipping(bit), nil
}

func flipping(bit int) Model {
	parameter := strconv.Itoa(bit)
	return Model{Name: familyFlip + parameter,
		About: "bit " + parameter + " of what is read is inverted",
		event: onRead, kind: vm.Replace,
		value: func(was vm.Value) vm.Value { return was ^ 1<<bit }, strikes: reads}
}

// writing is a write of that value, which parameter names.
func writing(parameter string, v vm.Value) Model {
	return Model{Name: familyWrite + parameter,
		About: "what is written to memory is " + parameter,
		event: onWrite, kind: vm.Replace, value: constant(v),
		strikes: func(s *Step) bool { return s.written > 0 }}
}

func jumping(by int) Model {
	return Model{Name: familyJump + signed(by),
		About: "the branch lands on the bytecode " + signed(by) + " from its target",
		kind:  vm.Jump, value: constant(vm.Value(by)),
		strikes: func(s *Step) bool { return s.instruction.IsBranch() }}
}

func indexing(by int) Model {
	return Model{Name: familyIndex + signed(by),
		About: "the index into the array is wrong by " + signed(by),
		kind:  vm.Alter, value: adding(by), operand: vm.Instruction.ArrayIndex,
		strikes: func(s *Step) bool {
			_, is := s.instruction.ArrayIndex()
			return is
		}}
}

func readArguing(parameter string) (Model, error) {
	if isDistance(parameter) {
		by, err := distance(parameter)
		return arguing(parameter, adding(by)), err
	}
	v, err := hexValue(parameter)
	return arguing(parameter, constant(v)), err
}

// arguing is a wrong number for a native, such as an offset or a length.
func arguing(parameter string, value func(vm.Value) vm.Value) Model {
	about := "a number that a native is given is " + parameter
	if isDistance(parameter) {
		about = "a number that a native is given is wrong by " + parameter
	}
	return Model{Name: familyArgument + parameter, About: about, event: onArgument, kind: vm.Alter,
		value: value, strikes: func(s *Step) bool { return s.numbers > 0 }}
}

const maxDistance = 99

// isDistance reports whether a parameter is meant as one: it has a sign.
func isDistance(text string) bool {
	return strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-")
}

// distance reads a number with its sign.
func distance(text string) (int, error) {
	by, err := strconv.Atoi(text)
	if err != nil || by == 0 || by < -maxDistance || by > maxDistance || signed(by) != text {
		return 0, fmt.Errorf("%q is no distance of a fault: give -%d to -1, or +1 to +%d", text,
			maxDistance, maxDistance)
	}
	return by, nil
}

func signed(n int) string { return fmt.Sprintf("%+d", n) }

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

// memoryValue is hexValue, but that FF sets both bytes of a short.
func memoryValue(text string) (vm.Value, error) {
	v, err := hexValue(text)
	if v == 0xFF {
		v = -1
	}
	return v, err
}
