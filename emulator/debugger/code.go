package debugger

import (
	"fmt"
	"slices"

	"ekrona.example/emulator/vm"
)

// Code is an instruction where a frame may stand, with the source line where it is known.
type Code struct {
	vm.Disassembly
	Method  string
	Offset  int // from the method's first instruction
	Address int // among those of all packages: of package and PC
	Source  string
	Line    int  // 0 if not known
	Here    bool // the frame stands at it
}

// String is the offset of the instruction in its method, as in names of places, and its text.
func (c Code) String() string { return fmt.Sprintf("+%d %s", c.Offset, c.Disassembly) }

// Instruction is the one at which a frame stands, or whose callee it waits for; false for Go code
// of the API.
func (v *View) Instruction(f Frame) (Code, bool) {
	if f.method == nil || f.Native {
		return Code{}, false
	}
	made, err := f.method.Disassemble(f.PC, v.d.names)
	if err != nil {
		return Code{}, false
	}
	return v.d.code(f.method, made), true
}

// Disassemble lists the instructions of the method of a frame.
func (v *View) Disassemble(f Frame) (list []Code) {
	if f.method == nil || f.Native {
		return nil
	}
	list = v.d.disassemble(f.method)
	for i := range list {
		list[i].Here = list[i].PC == f.PC
	}
	return list
}

// Disassemble lists the instructions of the methods of a name, as a break has it.
func (d *Debugger) Disassemble(name string) (list []Code, err error) {
	b := &Break{Kind: OnMethod, Where: name}
	for _, p := range d.machine.Packages() {
		for _, m := range p.Methods() {
			if d.isMethod(b, p, m.Start()) {
				list = append(list, d.disassemble(m)...)
			}
		}
	}
	if len(list) == 0 {
		return nil, d.nothing(b)
	}
	return list, nil
}

func (d *Debugger) disassemble(m *vm.Method) (list []Code) {
	for _, pc := range m.Instructions() {
		if made, err := m.Disassemble(pc, d.names); err == nil {
			list = append(list, d.code(m, made))
		}
	}
	return list
}

func (d *Debugger) code(m *vm.Method, made vm.Disassembly) Code {
	c := Code{Disassembly: made, Method: d.names.Method(m), Offset: made.PC - m.Start()}
	c.Address = made.PC + slices.Index(d.machine.Packages(), m.Package())*packageAddresses
	_, c.Line = d.names.Line(m, made.PC)
	c.Source = d.names.SourcePath(m)
	return c
}

// packageAddresses is how many addresses a package has: more than a Method component has bytes.
const packageAddresses = 1 << 24

// Listing is all instructions of the package that has an address, by their addresses.
func (d *Debugger) Listing(address int) (list []Code) {
	packages := d.machine.Packages()
	if at := address / packageAddresses; address >= 0 && at < len(packages) {
		for _, m := range packages[at].Methods() {
			list = append(list, d.disassemble(m)...)
		}
	}
	return list
}
