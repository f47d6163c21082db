package vm

import (
	"errors"
	"maps"
	"slices"

	"ekrona.example/emulator/cap"
)

// What tools ask that show a machine: names and places of what is linked, and what the
// machine holds while a probe's function runs.

// SetProbe puts another probe in the place of Config.Probe. It refuses while a command runs.
func (v *VM) SetProbe(p Probe) error {
	if v.fp >= 0 {
		return errors.New("vm: a probe is set between commands")
	}
	v.probe = p
	return nil
}

// Frame is one activation, for tools that show it: nothing of it may be changed, and it is
// valid until the probe's function returns.
type Frame struct {
	Method *Method // nil for Go code of the runtime environment
	PC     int     // the instruction that runs, or that waits for its callee; 0 of a native
	Active Instance
	Depth  int     // activations below, as in [Site]
	Locals []int32 // cells, the arguments first
	Stack  []int32 // operands, the top last
}

// Frames calls see with the activations, innermost first, until see returns false. It may be
// called in a probe's function.
func (v *VM) Frames(see func(Frame) bool) {
	for i := v.fp; i >= 0; i-- {
		f := &v.frames[i]
		frame := Frame{Method: f.method, Active: f.active, Depth: i,
			Locals: f.stack[:min(f.floor, len(f.stack))]}
		if f.method != nil && f.method.native == nil {
			frame.PC = f.pc
		}
		if f.sp > f.floor {
			frame.Stack = f.stack[f.floor:f.sp]
		}
		if !see(frame) {
			return
		}
	}
}

// Transaction is the state of the machine's transaction.
type Transaction struct {
	Open     bool
	Number   int // of this machine's transactions, from 1
	Entries  int // of the journal
	Used     int // bytes of the commit buffer
	Capacity int // of the commit buffer; 0 is without limit
}

// Transaction returns the state of the transaction. It may be called in a probe's function.
func (v *VM) Transaction() Transaction {
	t := &v.tx
	return Transaction{t.open, t.number, len(t.entries), t.used, v.cfg.Limits.CommitBytes}
}

// Package returns the package that the method is in.
func (m *Method) Package() *Package { return m.pkg }

// Class returns the class that declares the method; nil where nothing names it.
func (m *Method) Class() *Class { return m.class }

// Name returns the method's name, "" where nothing names it.
func (m *Method) Name() string { return m.name }

// Native reports whether the method is of the API.
func (m *Method) Native() bool { return m.native != nil || m.pkg.native }

// Start is the offset of the first instruction in the Method component's content.
func (m *Method) Start() int { return m.start }

// Arguments is how many cells of the locals are arguments, the receiver included.
func (m *Method) Arguments() int { return m.args }

// File returns the CAP file that the package was linked from, nil for one of the API.
func (p *Package) File() *cap.File { return p.file }

// Methods lists the methods of a package from a CAP file that have code, by their offset.
func (p *Package) Methods() (list []*Method) {
	for _, at := range slices.Sorted(maps.Keys(p.methods)) {
		if m := p.methods[at]; !m.abstract && !m.Native() {
			list = append(list, m)
		}
	}
	return list
}

// Exceptions lists the classes of what can be thrown: of the API, and of the CAP files on the card.
func (v *VM) Exceptions() (list []*Class) {
	for _, p := range v.packages {
		if p == nil {
			continue
		}
		classes := p.classes
		if p.native {
			classes = slices.Collect(maps.Values(p.byToken))
		}
		for _, c := range classes {
			if c.extends(v.cfg.API.throwable) {
				list = append(list, c)
			}
		}
	}
	return list
}

// Classes lists the package's classes, in the order of its Class component.
func (p *Package) Classes() []*Class { return p.classes }

// Package returns the package that the class is in.
func (c *Class) Package() *Package { return c.pkg }

// Super returns the superclass, nil for an interface and java.lang.Object.
func (c *Class) Super() *Class { return c.super }

// Position is the class's place in its Class component, from 0.
func (c *Class) Position() int { return c.position() }

// OwnCells are the cells that the class itself adds to an instance, from the first to before
// the last.
func (c *Class) OwnCells() (first, end int) { return c.base, c.cells }

// IsReference reports whether a cell of an instance holds a reference.
func (c *Class) IsReference(cell int) bool { return c.isRef[cell] }

// HiddenField names a field of a class of the API, by its cell; "" if it has none there.
func (c *Class) HiddenField(cell int) string {
	if at := cell - c.base; at >= 0 && at < len(c.hidden) {
		return c.hidden[at]
	}
	return ""
}
