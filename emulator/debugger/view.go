package debugger

import (
	"fmt"

	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// Frame is an activation as a debugger shows it.
type Frame struct {
	Name   string
	Source string // file with the folders of its package; "" if not known
	Line   int    // 0 if not known
	PC     int    // in the Method component's content
	Native bool

	method        *vm.Method
	locals, stack []int32
}

// Variable is a local variable, an operand, a field or an element.
type Variable struct {
	Name  string
	Type  string // class; boolean, byte, short, int, reference; or cell, of no known type
	Value string
	Path  string // of the object that it refers to, which [View.Inside] opens; "" for none
}

// View is a card that stands still.
type View struct {
	Frames []Frame // innermost first
	image  *inspect.Image
	d      *Debugger
}

// View looks at the card where it stands. It is valid until the card goes on.
func (d *Debugger) View() *View {
	v := &View{d: d, image: inspect.Take(d.machine, d.names, inspect.Everything)}
	if d.run == nil {
		return v
	}
	d.machine.Frames(func(f vm.Frame) bool {
		if f.Method == nil {
			return true
		}
		shown := Frame{Name: d.names.Method(f.Method), PC: f.PC, Native: f.Method.Native(),
			method: f.Method, locals: f.Locals, stack: f.Stack}
		_, shown.Line = d.names.Line(f.Method, f.PC)
		shown.Source = d.names.SourcePath(f.Method)
		v.Frames = append(v.Frames, shown)
		return true
	})
	return v
}

// Locals are the parameters and local variables of a frame that have a value: by name, or as
// cells where their names are not known.
func (v *View) Locals(f Frame) []Variable {
	list := []Variable{}
	for _, named := range v.d.names.Variables(f.method, f.PC) {
		if named.Cell >= len(f.locals) {
			continue
		}
		c := f.locals[named.Cell]
		if named.Descriptor == "I" && named.Cell+1 < len(f.locals) {
			c = c<<16 | f.locals[named.Cell+1]&0xFFFF
		}
		list = append(list, v.typed(named.Name, named.Descriptor, c))
	}
	if len(list) > 0 {
		return list
	}
	for i, c := range f.locals {
		list = append(list, v.cell(fmt.Sprintf("local%d", i), c))
	}
	return list
}

// Operands are what is on the operand stack of a frame, the top first.
func (v *View) Operands(f Frame) []Variable {
	list := []Variable{}
	for i := len(f.stack) - 1; i >= 0; i-- {
		list = append(list, v.cell(fmt.Sprintf("stack%d", i), f.stack[i]))
	}
	return list
}

// typed shows a cell of a known type.
func (v *View) typed(name, descriptor string, c int32) Variable {
	if descriptor[0] != 'L' && descriptor[0] != '[' {
		return Variable{Name: name, Type: inspect.TypeName(descriptor),
			Value: v.image.Cell(descriptor, c)}
	}
	return v.reference(name, c)
}

func (v *View) reference(name string, c int32) Variable {
	o := v.image.Find(vm.Ref(c))
	if c == 0 || o == nil {
		return Variable{Name: name, Type: inspect.TypeName("L"), Value: v.image.Cell("L", c)}
	}
	return Variable{Name: name, Type: o.Class, Value: o.Path, Path: o.Path}
}

// cell shows a cell of no known type: a number, and what it would be as a reference.
func (v *View) cell(name string, c int32) Variable {
	shown := Variable{Name: name, Type: "cell", Value: fmt.Sprint(c)}
	if o := v.image.Find(vm.Ref(c)); c > 0 && o != nil {
		shown.Value = fmt.Sprintf("%d, or %s", c, o.Path)
		shown.Path = o.Path
	}
	return shown
}

// Objects are the applets on the card, static fields, and what the runtime environment has.
func (v *View) Objects() []Variable {
	list := []Variable{}
	for _, o := range v.image.Objects {
		if o.Root {
			list = append(list, Variable{Name: o.Path, Type: o.Class, Value: o.Class, Path: o.Path})
		}
	}
	return list
}

// Inside opens an object: its fields, or its elements; found is false if there is none.
func (v *View) Inside(path string) (list []Variable, found bool) {
	o := v.image.At(path)
	if o == nil {
		return nil, false
	}
	list = []Variable{}
	if o.Static == nil && len(o.Bytes) > 0 {
		for i, b := range o.Bytes {
			list = append(list, Variable{Name: fmt.Sprintf("[%d]", i),
				Type: inspect.TypeName("B"), Value: fmt.Sprintf("0x%02X", b)})
		}
		return list, true
	}
	for _, e := range v.image.Elements(o) {
		shown := Variable{Name: e.Name, Type: inspect.TypeName(e.Type), Value: e.Value}
		if target := v.image.At(e.Value); target != nil {
			shown.Type, shown.Path = target.Class, target.Path
		}
		list = append(list, shown)
	}
	return list, true
}

// Bytes are the bytes of a byte array, in hex; "" for other objects.
func (v *View) Bytes(path string) string {
	o := v.image.At(path)
	if o == nil || o.Static != nil {
		return ""
	}
	return fmt.Sprintf("%X", o.Bytes)
}

// Names are the names that Evaluate knows: of local variables and the fields of this, if there is a
// frame, and of objects.
func (v *View) Names(f *Frame) (names []string) {
	if f != nil {
		for _, l := range v.Locals(*f) {
			names = append(names, l.Name)
			if l.Name == "this" || l.Name == "local0" {
				inside, _ := v.Inside(l.Path)
				for _, field := range inside {
					names = append(names, field.Name)
				}
			}
		}
	}
	for _, o := range v.image.Objects {
		names = append(names, o.Path)
	}
	return names
}

// Evaluate shows what a name stands for: a local variable of the frame, a field of its receiver,
// or a name as a dump shows it.
func (v *View) Evaluate(f *Frame, name string) (Variable, bool) {
	if f != nil {
		locals := v.Locals(*f)
		for _, l := range locals {
			if l.Name == name {
				return l, true
			}
		}
		for _, l := range locals {
			if l.Name != "this" && l.Name != "local0" {
				continue
			}
			inside, _ := v.Inside(l.Path)
			for _, field := range inside {
				if field.Name == name {
					return field, true
				}
			}
		}
	}
	if o := v.image.At(name); o != nil {
		return Variable{Name: name, Type: o.Class, Value: o.Path, Path: o.Path}, true
	}
	if value, found := v.image.Value(name); found {
		return Variable{Name: name, Value: value}, true
	}
	return Variable{}, false
}

// Transaction is the state of the machine's transaction.
func (v *View) Transaction() vm.Transaction { return v.d.machine.Transaction() }
