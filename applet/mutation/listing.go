package mutation

import (
	"bytes"
	"fmt"

	"ekrona.example/applet/campaign"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/lines"
	"ekrona.example/emulator/vm"
)

// Listing is the bytecode of a CAP file, with its source.
type Listing struct {
	Instructions []Instruction // in the order of their offsets

	file    *cap.File
	table   *lines.Table
	sources Sources
	api     []vm.NativePackage
}

// Instruction is one of them.
type Instruction struct {
	vm.Instruction
	Place
	At int // offset in the Method component's content
}

// key names the instruction in the lists, together with its like on the same line.
func (i Instruction) key() string { return i.Place.key() + campaign.Separator + i.Mnemonic }

// String returns the place and the mnemonic.
func (i Instruction) String() string { return fmt.Sprintf("%s (%s)", i.Place, i.Mnemonic) }

// Place is a source line.
type Place struct {
	Method string // class and name
	File   string
	Line   int
	Text   string // of the line, without the space around it
}

// key names a place in the lists. It has no line number, so that it outlives a
// change elsewhere in the file.
func (p Place) key() string { return p.Method + campaign.Separator + p.Text }

// String returns file, line, method and text.
func (p Place) String() string {
	return fmt.Sprintf("%s:%d %s: %s", p.File, p.Line, p.Method, p.Text)
}

// Sources gives the text of a line of a source file.
type Sources func(file string, line int) (string, error)

// List lists a CAP file with the table of its source lines.
func List(capFile, table []byte, sources Sources) (*Listing, error) {
	l := &Listing{sources: sources}
	var err error
	if l.file, err = cap.Parse(capFile); err != nil {
		return nil, err
	}
	if l.api, err = api.Packages(); err != nil {
		return nil, err
	}
	if l.table, err = lines.Parse(table); err != nil {
		return nil, err
	}
	if !l.table.Fits(l.file) {
		return nil, fmt.Errorf(
			"the table of source lines is that of another CAP file; run scripts/build-applet")
	}
	for i := range l.table.Methods {
		end := len(l.file.Methods.Content)
		if i+1 < len(l.table.Methods) {
			end = l.table.Methods[i+1].Offset
		}
		if err := l.listMethod(&l.table.Methods[i], end); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *Listing) listMethod(m *lines.Method, end int) error {
	for at := m.Code; at < end; {
		decoded, err := vm.InstructionAt(l.file.Methods.Content[:end], at)
		if err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		place := Place{Method: m.String(), File: m.Source, Line: m.Line(at)}
		if place.Text, err = l.sources(place.File, place.Line); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		l.Instructions = append(l.Instructions, Instruction{decoded, place, at})
		at += decoded.Length
	}
	return nil
}

// callee describes the method that an instruction calls.
type callee struct {
	name   string // of a method of the API that is not static "", of a static one with its class
	pops   int    // cells that it takes from the stack, receiver included
	result cap.Result
}

// callee returns the method that an instruction calls; false if it calls none, or one
// through an interface.
func (l *Listing) callee(i Instruction) (callee, bool) {
	constant, isStatic, ok := i.Callee(l.file.Methods.Content[i.At:])
	if !ok {
		return callee{}, false
	}
	typed, ok := l.file.Descriptor.MethodType(constant)
	if !ok {
		return callee{}, false
	}
	c := callee{pops: typed.Args, result: typed.Result}
	if !isStatic {
		c.pops++
	}
	if m := l.target(l.file.Constants[constant]); m != nil {
		c.name = m.Name
	} else {
		c.name = l.ofAPI(l.file.Constants[constant])
	}
	return c, true
}

// ofAPI names the static method of the API that a constant names; "" if it names
// none.
func (l *Listing) ofAPI(c cap.Constant) string {
	if c.Kind != cap.ConstStaticMethod || !c.External {
		return ""
	}
	for _, p := range l.api {
		if !bytes.Equal(p.AID, l.file.Imports[c.Package].AID) {
			continue
		}
		for _, class := range p.Classes {
			for _, m := range class.Methods {
				if int(class.Token) == c.ClassToken && m.Static && int(m.Token) == c.Token {
					return class.Name + "." + m.Name
				}
			}
		}
	}
	return ""
}

// target is the method of this package that a constant names, or nil. A virtual
// method is that of the class named, whatever a subclass makes of it.
func (l *Listing) target(c cap.Constant) *lines.Method {
	switch c.Kind {
	case cap.ConstStaticMethod:
		if !c.External {
			return l.methodAt(c.Offset)
		}
	case cap.ConstVirtualMethod, cap.ConstSuperMethod:
		if c.Class.External {
			return nil
		}
		class := l.file.Classes.At(c.Class.Offset)
		if c.Token >= packageVisible {
			return l.inTable(class.Package, c.Token-packageVisible-class.PackageBase)
		}
		return l.inTable(class.Public, c.Token-class.PublicBase)
	}
	return nil
}

// packageVisible marks the tokens of methods that only the package sees (JCVM 3.0.5
// §4.3.7.6).
const packageVisible = 0x80

func (l *Listing) inTable(offsets []int, n int) *lines.Method {
	if n < 0 || n >= len(offsets) {
		return nil
	}
	return l.methodAt(offsets[n])
}

func (l *Listing) methodAt(offset int) *lines.Method {
	for i := range l.table.Methods {
		if l.table.Methods[i].Offset == offset {
			return &l.table.Methods[i]
		}
	}
	return nil
}
