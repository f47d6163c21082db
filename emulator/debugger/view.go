package debugger

import (
	"fmt"

	"ekrona.example/apdu"
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
	taken  *inspect.Image
	d      *Debugger
}

// memory is the card's, which is copied when something of it is shown.
func (v *View) memory() *inspect.Image {
	if v.taken == nil {
		v.taken = inspect.Take(v.d.machine, v.d.names, inspect.Everything)
	}
	return v.taken
}

// View looks at the card where it stands. It is valid until the card goes on.
func (d *Debugger) View() *View {
	v := &View{d: d}
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

// local is a parameter or a local variable of a frame.
type local struct {
	name       string
	descriptor string // "" if its type is not known
	c          int32
}

// locals are those of a frame that have a value: by name, or as cells where their names are not
// known.
func (v *View) locals(f Frame) (list []local) {
	for _, named := range v.d.names.Variables(f.method, f.PC) {
		if named.Cell >= len(f.locals) {
			continue
		}
		c := f.locals[named.Cell]
		if named.Descriptor == "I" && named.Cell+1 < len(f.locals) {
			c = c<<16 | f.locals[named.Cell+1]&0xFFFF
		}
		list = append(list, local{named.Name, named.Descriptor, c})
	}
	if len(list) == 0 {
		for i, c := range f.locals {
			list = append(list, local{name: fmt.Sprintf("local%d", i), c: c})
		}
	}
	return list
}

// Locals are the parameters and local variables of a frame that have a value: by name, or as
// cells where their names are not known.
func (v *View) Locals(f Frame) []Variable {
	list := []Variable{}
	for _, l := range v.locals(f) {
		list = append(list, v.variable(l.name, valueOf(l.descriptor, l.c)))
	}
	return list
}

// Operands are what is on the operand stack of a frame, the top first.
func (v *View) Operands(f Frame) []Variable {
	list := []Variable{}
	for i := len(f.stack) - 1; i >= 0; i-- {
		list = append(list, v.variable(fmt.Sprintf("stack%d", i), valueOf("", f.stack[i])))
	}
	return list
}

// variable shows a value.
func (v *View) variable(name string, of value) Variable {
	shown := Variable{Name: name, Type: inspect.TypeName(of.size), Value: fmt.Sprint(of.n)}
	switch of.sort {
	case aTruth:
		shown.Type, shown.Value = inspect.TypeName("Z"), fmt.Sprint(of.n&1 != 0)
	case aRef:
		shown.Type, shown.Value = inspect.TypeName("L"), v.memory().Cell("L", int32(of.ref))
		if o := v.memory().Find(of.ref); of.ref != 0 && o != nil {
			shown.Type, shown.Path = o.Class, o.Path
		}
	case aCell: // a number, and what it would be as a reference
		shown.Type = "cell"
		if o := v.memory().Find(vm.Ref(of.n)); of.n > 0 && o != nil {
			shown.Value = fmt.Sprintf("%d, or %s", of.n, o.Path)
			shown.Path = o.Path
		}
	case ofPackage:
		shown.Type, shown.Value, shown.Path = of.object.Class, of.object.Path, of.object.Path
	}
	if of.shown != "" && of.sort == aSize {
		shown.Value = of.shown
	}
	return shown
}

// Objects are the applets on the card, static fields, and what the runtime environment has.
func (v *View) Objects() []Variable {
	list := []Variable{}
	for _, o := range v.memory().Objects {
		if o.Root {
			list = append(list, Variable{Name: o.Path, Type: o.Class, Value: o.Class, Path: o.Path})
		}
	}
	return list
}

// Inside opens an object: its fields, or its elements; found is false if there is none.
func (v *View) Inside(path string) (list []Variable, found bool) {
	o := v.memory().At(path)
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
	for _, e := range v.memory().Elements(o) {
		shown := Variable{Name: e.Name, Type: inspect.TypeName(e.Type), Value: e.Value}
		if target := v.memory().At(e.Value); target != nil {
			shown.Type, shown.Path = target.Class, target.Path
		}
		list = append(list, shown)
	}
	return list, true
}

// Bytes are the bytes of a byte array, in hex; "" for other objects.
func (v *View) Bytes(path string) string {
	o := v.memory().At(path)
	if o == nil || o.Static != nil {
		return ""
	}
	return fmt.Sprintf("%X", o.Bytes)
}

// Evaluate shows what an expression stands for, in a frame if there is one; or a name as a dump
// shows it, such as Purse 2.log[3].
func (v *View) Evaluate(f *Frame, text string) (Variable, error) {
	if o := v.memory().At(text); o != nil && f == nil {
		return Variable{Name: text, Type: o.Class, Value: o.Path, Path: o.Path}, nil
	}
	made, err := ParseExpression(text)
	var found value
	if err == nil {
		found, err = evaluation{scope: live{v: v, frame: f}}.of(made.root)
	}
	if err == nil {
		return v.variable(text, found), nil
	}
	if o := v.memory().At(text); o != nil {
		return Variable{Name: text, Type: o.Class, Value: o.Path, Path: o.Path}, nil
	}
	if shown, isField := v.memory().Value(text); isField {
		return Variable{Name: text, Value: shown}, nil
	}
	if made == nil {
		err = fmt.Errorf("%q: %w", apdu.Brief(text), err)
	}
	return Variable{}, err
}

// mostShown is how many bytes of an array [View.Text] shows.
const mostShown = 24

// Text is what a variable shows on one line: an array of bytes with its first ones.
func (v *View) Text(of Variable) string {
	hex := v.Bytes(of.Path)
	if hex == "" {
		return of.Value
	}
	more := ""
	if len(hex) > 2*mostShown {
		hex, more = hex[:2*mostShown], "..."
	}
	return of.Type + " " + hex + more
}

// Transaction is the state of the machine's transaction.
func (v *View) Transaction() vm.Transaction { return v.d.machine.Transaction() }
