package debugger

import (
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// valueOf is a cell of a type, "" for one that is not known.
func valueOf(descriptor string, c int32) value {
	switch {
	case descriptor == "":
		return value{sort: aCell, n: c}
	case descriptor == "Z":
		return truth(c&1 != 0)
	case descriptor[0] == '[':
		return value{sort: aRef, ref: vm.Ref(c), element: descriptor[1:]}
	case descriptor[0] == 'L':
		return value{sort: aRef, ref: vm.Ref(c)}
	}
	return value{sort: aSize, size: descriptor, n: c}
}

// live is a card that stands still, looked at from a frame.
type live struct {
	v     *View
	frame *Frame           // nil for none
	extra map[string]value // what a break knows beside
}

// isReceiver reports whether a local variable is this, by its name or, without names, by its place.
func isReceiver(name string) bool { return name == "this" || name == "local0" }

func (l live) name(path []string) (value, int, error) {
	if v, is := l.extra[path[0]]; is {
		return v, 1, nil
	}
	var receiver vm.Ref
	if l.frame != nil {
		for _, one := range l.v.locals(*l.frame) {
			if one.name == path[0] {
				return valueOf(one.descriptor, one.c), 1, nil
			}
			if isReceiver(one.name) {
				receiver = vm.Ref(one.c)
			}
		}
		if i, isOperand := numbered("stack", path[0]); isOperand && i < len(l.frame.stack) {
			return valueOf("", l.frame.stack[i]), 1, nil
		}
	}
	if o := l.v.memory().Find(receiver); receiver != 0 && o != nil && !o.Array {
		if e, found := l.v.element(o, path[0]); found {
			return valueOf(e.Type, e.Cell), 1, nil
		}
	}
	var in *vm.Method
	if l.frame != nil {
		in = l.frame.method
	}
	if v, used, found := l.v.global(in, path); found {
		return v, used, nil
	}
	return value{}, 0, fmt.Errorf("nothing is called %q here%s", apdu.Brief(path[0]),
		apdu.Unknown(path[0], l.v.Names(l.frame)))
}

// numbered is the number behind a word.
func numbered(word, name string) (int, bool) {
	digits, found := strings.CutPrefix(name, word)
	n, err := strconv.ParseUint(digits, 10, 15)
	return int(n), found && err == nil
}

// element is a field of an object by its name.
func (v *View) element(o *inspect.Object, name string) (inspect.Element, bool) {
	for _, e := range v.memory().Elements(o) {
		if e.Name == name {
			return e, true
		}
	}
	return inspect.Element{}, false
}

// global finds what does not depend on a frame: a static field, of the method's class first, an
// object that no other leads to, or the static fields of a package.
func (v *View) global(in *vm.Method, path []string) (found value, used int, is bool) {
	class, _, _ := strings.Cut(v.d.names.Method(in), ".")
	for _, o := range v.memory().Objects {
		if in != nil && o.Package == in.Package() && o.Static != nil {
			if e, found := v.element(o, class+"."+path[0]); found {
				return valueOf(e.Type, e.Cell), 1, true
			}
		}
	}
	for _, o := range v.memory().Objects {
		if o.Static != nil && len(path) > 1 {
			if e, found := v.element(o, path[0]+"."+path[1]); found {
				return valueOf(e.Type, e.Cell), 2, true
			}
		}
	}
	o := v.memory().At(path[0])
	switch {
	case o == nil:
		return value{}, 0, false
	case o.Static != nil:
		return value{sort: ofPackage, object: o}, 1, true
	}
	return value{sort: aRef, ref: o.Ref}, 1, true
}

// static is a part of the static fields of a package: one of them, or those of a class.
func (v *View) static(of value, text, name string) (value, error) {
	whole := strings.TrimPrefix(of.shown+"."+name, ".")
	names := []string{}
	isClass := false
	for _, e := range v.memory().Elements(of.object) {
		if e.Name == whole {
			return valueOf(e.Type, e.Cell), nil
		}
		isClass = isClass || strings.HasPrefix(e.Name, whole+".")
		names = append(names, e.Name)
	}
	if isClass {
		of.shown = whole
		return of, nil
	}
	return value{}, noPart(text, name, names)
}

func noPart(of, name string, names []string) error {
	return fmt.Errorf("%s has no %q%s", of, apdu.Brief(name), apdu.Unknown(name, names))
}

// target is the object that a value refers to.
func (v *View) target(of value, text string) (*inspect.Object, error) {
	switch {
	case of.sort != aRef && of.sort != aCell:
		return nil, fmt.Errorf("%s is %s, and no object", text, of.what())
	case of.reference() == 0:
		return nil, fmt.Errorf("%s is null", text)
	}
	if o := v.memory().Find(of.reference()); o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("%s is of the runtime environment, and what is in it is not shown", text)
}

func (l live) member(v value, of, name string) (value, error) {
	if v.sort == ofPackage {
		return l.v.static(v, of, name)
	}
	o, err := l.v.target(v, of)
	if err != nil {
		return value{}, err
	}
	if length, isArray := o.Length(); isArray && name == "length" {
		return valueOf("S", int32(length)), nil
	}
	if e, found := l.v.element(o, name); found {
		return valueOf(e.Type, e.Cell), nil
	}
	return value{}, noPart(of, name, l.v.members(o))
}

// members are the names of the parts of an object.
func (v *View) members(o *inspect.Object) (names []string) {
	if o.Array {
		return []string{"length"}
	}
	for _, e := range v.memory().Elements(o) {
		names = append(names, e.Name)
	}
	return names
}

func (l live) at(v value, of string, index int32) (value, error) {
	o, err := l.v.target(v, of)
	if err != nil {
		return value{}, err
	}
	length, isArray := o.Length()
	if !isArray {
		return value{}, fmt.Errorf("%s is no array", of)
	}
	e, found := l.v.memory().Element(o, int(index))
	if !found {
		return value{}, fmt.Errorf("%s has no element %d: its length is %d", of, index, length)
	}
	made := valueOf(e.Type, e.Cell)
	made.shown = e.Value
	return made, nil
}

// Names are the names that Evaluate knows: of local variables, of the fields of this and of static
// fields of its class, if there is a frame, and of objects.
func (v *View) Names(f *Frame) (names []string) {
	class := ""
	if f != nil {
		class, _, _ = strings.Cut(v.d.names.Method(f.method), ".")
		for _, l := range v.locals(*f) {
			names = append(names, l.name)
			o := v.memory().Find(vm.Ref(l.c))
			if isReceiver(l.name) && l.c != 0 && o != nil && !o.Array {
				names = append(names, v.members(o)...)
			}
		}
	}
	for _, o := range v.memory().Objects {
		names = append(names, o.Path)
		for _, s := range o.Static {
			names = append(names, s.Name)
			if own, is := strings.CutPrefix(s.Name, class+"."); is && f != nil {
				names = append(names, own)
			}
		}
	}
	return names
}
