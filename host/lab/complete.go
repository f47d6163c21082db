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
	if i := slices.IndexFunc(before, func(word string) bool {
		return slices.Contains(when, word)
	}); i >= 0 {
		b, err := debugger.ParseBreak(strings.Join(before[:i], " "))
		if err != nil {
			return when
		}
		return append(when, expression(before[i+1:], last, func(text string) (int, []string) {
			return k.debug.SuggestAt(b, text)
		})...)
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

// expression completes the last word of an expression by the names that it may end in.
func expression(
	before []string, last string, suggest func(text string) (from int, names []string),
) (found []string) {
	begin := strings.Join(append(slices.Clone(before), ""), " ")
	from, names := suggest(begin + last)
	for _, n := range names {
		if whole := (begin + last)[:from] + n; strings.HasPrefix(whole, begin) {
			found = append(found, whole[len(begin):])
		}
	}
	return found
}

// values completes the expression of print.
func (k *state) values(before []string, last string) []string {
	return expression(before, last, func(text string) (int, []string) {
		v := k.debug.View()
		return v.Suggest(v.Bytecode(), text)
	})
}

// dumped completes what dump shows.
func (k *state) dumped(before []string, _ string) []string {
	kinds := []string{"ram", "nvm"}
	switch {
	case len(before) == 0:
		return append(kinds, k.written()...)
	case len(before) == 1 && slices.Contains(kinds, before[0]):
		return k.written()
	}
	return nil
}

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
