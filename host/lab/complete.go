package lab

import (
	"fmt"
	"slices"
	"strings"

	"ekrona.example/emulator/debugger"
	"ekrona.example/emulator/inspect"
	"ekrona.example/host/shell"
)

// knows completes the arguments of a word by what is on the card of the session.
func (w *words) knows(
	of func(k *state, before []string, last string) []string,
) func(*shell.Session, []string, string) []string {
	return func(s *shell.Session, before []string, last string) []string {
		k, err := w.of(s)
		if err != nil {
			return nil
		}
		return of(k, before, last)
	}
}

// places completes where break is to stop, and when.
func (k *state) places(before []string, last string) []string {
	when := []string{"if", "hit", "log"}
	if slices.ContainsFunc(before, func(word string) bool { return slices.Contains(when, word) }) {
		return append(when, k.variables()...)
	}
	kind := debugger.BreakKind("")
	if len(before) > 0 {
		kind = debugger.BreakKind(before[0])
	}
	switch {
	case len(before) == 0:
		return append(k.inCode(last), string(debugger.OnCommand), string(debugger.OnWrite),
			string(debugger.OnException))
	case len(before) == 1 && kind == debugger.OnWrite:
		return k.written()
	case len(before) == 1 && kind == debugger.OnException:
		return append(k.thrown(), when...)
	}
	return when
}

// inCode are methods, by their classes first, source files, and behind a file its lines.
func (k *state) inCode(last string) (found []string) {
	for _, f := range k.debug.Files() {
		for _, name := range []string{f.Name, f.Path} {
			if !strings.HasPrefix(last, name+":") {
				found = append(found, name+":")
				continue
			}
			for _, line := range f.Lines {
				found = append(found, fmt.Sprintf("%s:%d", name, line))
			}
		}
	}
	return append(found, k.methods(last)...)
}

// methods are those of the class that is typed, the classes before one is, and methods without
// their class once a part of them is typed.
func (k *state) methods(last string) (found []string) {
	for _, name := range k.debug.Methods() {
		class, method, inClass := strings.Cut(name, ".")
		switch {
		case !inClass, strings.Contains(last, "."):
			found = append(found, name)
		case last != "":
			found = append(found, class+".", method)
		default:
			found = append(found, class+".")
		}
	}
	return found
}

// methodsOf completes the only argument of disassemble.
func (k *state) methodsOf(before []string, last string) []string {
	if len(before) > 0 {
		return nil
	}
	return k.methods(last)
}

// written are the names that a write may be to.
func (k *state) written() (found []string) {
	for _, o := range inspect.Take(k.card.Machine(), k.names, inspect.Everything).Dump() {
		found = append(found, o.Object)
		for _, f := range o.Fields {
			found = append(found, inspect.Change{Object: o.Object, Field: f.Name}.Name())
		}
	}
	return found
}

// thrown are the classes of exceptions.
func (k *state) thrown() (found []string) {
	for _, c := range k.card.Machine().Exceptions() {
		found = append(found, k.names.Class(c))
	}
	return found
}

// variables are what can be named where a command stands still, by itself or as dump shows it.
func (k *state) variables() []string {
	found := k.written()
	if !k.debug.Running() {
		return found
	}
	v := k.debug.View()
	frame := v.Bytecode()
	if frame == nil {
		return found
	}
	for _, local := range v.Locals(*frame) {
		found = append(found, local.Name)
		if local.Name == "this" {
			inside, _ := v.Inside(local.Path)
			for _, field := range inside {
				found = append(found, field.Name)
			}
		}
	}
	return found
}

// values completes the expression of print.
func (k *state) values([]string, string) []string { return k.variables() }

// numbers completes the number of a break.
func (k *state) numbers(before []string, _ string) []string {
	if len(before) > 0 {
		return nil
	}
	found := []string{"all"}
	for _, b := range k.debug.Breaks() {
		found = append(found, fmt.Sprint(b.Number))
	}
	return found
}
