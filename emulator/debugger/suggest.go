package debugger

import (
	"regexp"
	"slices"
	"strings"

	"ekrona.example/emulator/vm"
)

// endPath is what an expression ends in when a name is typed: what is typed of the name, behind
// the object that has it, if there is one.
var endPath = regexp.MustCompile(`(?:(?:'[^']*'|[\pL_$][\pL\pN_$]*)` +
	`(?:\.[\pL_$][\pL\pN_$]*|\[[^\[\]]*\])*\.?|'[^']*|)$`)

// plainPath is a path that needs no quotes in an expression.
var plainPath = regexp.MustCompile(
	`^[\pL_$][\pL\pN_$]*(?:\.[\pL_$][\pL\pN_$]*|\[[0-9]+\])*$`)

// Suggest is what the name may be that an expression ends in, in a frame if there is one: each
// name stands for text[from:].
func (v *View) Suggest(f *Frame, text string) (from int, names []string) {
	l := live{v: v, frame: f}
	return suggest(text, v.Names(f), evaluation{scope: l}, l.parts)
}

// SuggestAt is what the name may be that an expression of a break ends in, where the break will
// stop: each name stands for text[from:]. There is none if there is no such place.
func (d *Debugger) SuggestAt(b Break, text string) (from int, names []string) {
	b.When = When{}
	made, err := d.AddFound(b)
	if err != nil {
		return len(text), nil
	}
	in := ahead{live: live{v: d.View()}, isScript: b.Kind == OnScript}
	for p, there := range d.at {
		if slices.Contains(there, made) {
			in.method, in.pc = methodAt(p), p.pc
		}
	}
	d.Remove(made.Number)
	d.last--
	var known []string
	if in.method == nil {
		known = in.v.Names(nil)
	} else {
		known = in.known(d.names.ClassOf(in.method))
	}
	if b.Kind == OnWrite {
		known = append(known, "old", "new")
	}
	return suggest(text, known, evaluation{scope: in, checking: true}, in.parts)
}

func suggest(
	text string, known []string, e evaluation, parts func(v value, of string) []string,
) (from int, names []string) {
	from = endPath.FindStringIndex(text)[0]
	if from > 0 && (text[from-1] == '.' || isOfName(rune(text[from-1]))) {
		return from, nil // of what has no name, such as a sum in brackets, or in a number
	}
	for _, n := range known {
		if !plainPath.MatchString(n) {
			n = "'" + n + "'"
		}
		names = append(names, n)
	}
	if of, _, inObject := cutLast(text[from:]); inObject {
		if made, err := ParseExpression(of); err == nil {
			if v, err := e.of(made.root); err == nil {
				for _, n := range parts(v, of) {
					names = append(names, of+"."+n)
				}
			}
		}
	}
	slices.Sort(names)
	return from, slices.Compact(names)
}

// cutLast cuts a path at its last dot that is in no index and no quotes.
func cutLast(path string) (of, name string, found bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 || strings.ContainsAny(path[i:], "]'") {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// parts are the names of what is in a value: fields, or the length of an array.
func (l live) parts(v value, of string) (names []string) {
	if v.sort == ofPackage {
		for _, e := range l.v.memory().Elements(v.object) {
			if name, is := strings.CutPrefix(e.Name, strings.TrimPrefix(v.shown+".", ".")); is {
				names = append(names, name)
			}
		}
		return names
	}
	o, err := l.v.target(v, of)
	if err != nil {
		return nil
	}
	return l.v.members(o)
}

// parts are the same of what is not there yet, as far as its type is known.
func (a ahead) parts(v value, of string) (names []string) {
	switch {
	case v.class != nil:
		for _, f := range a.v.d.names.Fields(v.class) {
			names = append(names, f.Name)
		}
		return names
	case v.element != "":
		return []string{"length"}
	case v.ref == vm.Ref(0) && v.sort != ofPackage:
		return nil
	}
	return a.live.parts(v, of)
}
