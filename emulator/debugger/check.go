package debugger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/emulator/vm"
)

// check finds mistakes of a break's expressions where it will stop, as far as they can be known
// before: names that are not there, and what is compared with what it cannot be. It is right if it
// is right at one of its places.
func (d *Debugger) check(b *Break) error {
	if b.When == (When{}) {
		return nil
	}
	extra := map[string]value{}
	if b.Kind == OnWrite {
		extra["old"], extra["new"] = value{sort: aSize, size: "S"}, value{sort: aSize, size: "S"}
	}
	in := ahead{live: live{v: d.View(), extra: extra}, isScript: b.Kind == OnScript}
	var wrong error
	for p, there := range d.at {
		if !slices.Contains(there, b) {
			continue
		}
		in.method, in.pc = methodAt(p), p.pc
		err := b.check(in)
		if err == nil {
			return nil
		}
		wrong = cmp.Or(wrong, err)
	}
	if wrong == nil {
		in.method = nil
		wrong = b.check(in)
	}
	return wrong
}

// methodAt is the method that has an instruction.
func methodAt(p place) (found *vm.Method) {
	for _, m := range p.pkg.Methods() {
		if m.Start() <= p.pc {
			found = m
		}
	}
	return found
}

func (b *Break) check(in ahead) error {
	c := b.compiled
	e := evaluation{scope: in, checking: true}
	if c.condition != nil {
		if _, err := e.isTrue(c.condition.root); err != nil {
			return fmt.Errorf("condition %q: %w", apdu.Brief(b.Condition), err)
		}
	}
	for _, p := range c.log {
		if p.of == nil {
			continue
		}
		if _, err := e.of(p.of.root); err != nil {
			return fmt.Errorf("message %q: %w", apdu.Brief(b.Log), err)
		}
	}
	return nil
}

// ahead looks at a place where the card does not stand yet.
type ahead struct {
	live
	method *vm.Method // nil if it may be any
	pc     int

	isScript bool // there will be no method
}

func (a ahead) name(path []string) (value, int, error) {
	if v, is := a.extra[path[0]]; is {
		return v, 1, nil
	}
	if a.method == nil {
		return a.anywhere(path)
	}
	names := a.v.d.names
	for _, known := range names.Variables(a.method, a.pc) {
		if known.Name == path[0] {
			return a.typed(known.Descriptor, known.Name == "this"), 1, nil
		}
	}
	if where := names.Elsewhere(a.method, path[0]); where {
		return value{}, 0, fmt.Errorf("%s has no value yet, or no more, at %s", path[0],
			names.At(a.method, a.pc))
	}
	if n, is := numbered("local", path[0]); is && !names.HasVariables(a.method) && n >= 0 {
		return value{sort: aCell}, 1, nil
	}
	if _, is := numbered("stack", path[0]); is {
		return value{sort: aCell}, 1, nil
	}
	class := names.ClassOf(a.method)
	for _, f := range names.Fields(class) {
		if f.Name == path[0] {
			return a.typed(f.Type, false), 1, nil
		}
	}
	if _, is := numbered("field", path[0]); is && class == nil {
		return value{}, 1, nil
	}
	if v, used, found := a.v.global(a.method, path); found {
		return v, used, nil
	}
	return value{}, 0, fmt.Errorf("nothing is called %q at %s%s", apdu.Brief(path[0]),
		names.At(a.method, a.pc), apdu.Unknown(path[0], a.known(class)))
}

// known are the names that there are at the place.
func (a ahead) known(class *vm.Class) (list []string) {
	for _, v := range a.v.d.names.Variables(a.method, a.pc) {
		list = append(list, v.Name)
	}
	for _, f := range a.v.d.names.Fields(class) {
		list = append(list, f.Name)
	}
	return append(list, a.v.Names(&Frame{method: a.method, PC: a.pc})...)
}

// typed is what has a type and is not known.
func (a ahead) typed(descriptor string, isThis bool) value {
	v := valueOf(descriptor, 0)
	if isThis {
		v.class = a.v.d.names.ClassOf(a.method)
	}
	return v
}

// anywhere finds a name of a break that may stop at any method: what no method, class or object on
// the card has is a mistake, if all of them have names.
func (a ahead) anywhere(path []string) (value, int, error) {
	if v, used, found := a.v.global(nil, path); found {
		return v, used, nil
	}
	known, isAll := []string{}, false
	if a.isScript {
		known, isAll = a.v.Names(nil), len(a.v.d.machine.Instances()) > 0
	}
	for _, p := range a.v.d.machine.Packages() {
		if p.File() == nil || a.isScript {
			continue
		}
		names, has := a.v.d.names.All(p)
		if !has {
			return value{}, 1, nil
		}
		known, isAll = append(known, names...), true
	}
	_, isOperand := numbered("stack", path[0])
	if !isAll || isOperand || slices.Contains(known, path[0]) {
		return value{}, 1, nil
	}
	return value{}, 0, fmt.Errorf("nothing on the card is called %q%s", apdu.Brief(path[0]),
		apdu.Unknown(path[0], known))
}

// isOpen reports whether nothing is known of a reference but that it is one.
func (v value) isOpen() bool {
	return v.sort == anything || v.sort == aCell || v.sort == aRef && v.ref == 0
}

func (a ahead) member(v value, of, name string) (value, error) {
	switch {
	case v.class != nil:
		names := []string{}
		for _, f := range a.v.d.names.Fields(v.class) {
			if f.Name == name {
				return a.typed(f.Type, false), nil
			}
			names = append(names, f.Name)
		}
		return value{}, noPart(of, name, names)
	case v.element != "" && name != "length":
		return value{}, noPart(of, name, []string{"length"})
	case v.element != "":
		return valueOf("S", 0), nil
	case v.isOpen():
		return value{}, nil
	}
	return a.live.member(v, of, name)
}

func (a ahead) at(v value, of string, _ int32) (value, error) {
	switch {
	case v.element != "":
		return a.typed(v.element, false), nil
	case v.isOpen():
		return value{}, nil
	}
	o, err := a.v.target(v, of)
	if err != nil {
		return value{}, err
	}
	if _, isArray := o.Length(); !isArray {
		return value{}, errors.New(of + " is no array")
	}
	return value{}, nil
}
