package inspect

import (
	"fmt"
	"slices"
	"strings"

	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/lines"
	"ekrona.example/emulator/vm"
)

// Names say what the source calls what is in the CAP files on a card: from the Debug component
// of a file, else from a table that fits it, else only as far as its Descriptor component and
// its offsets go.
type Names struct {
	tables []*lines.Table
	known  map[*vm.Package]*symbols
}

// NewNames makes names from the debug information of the files themselves and from tables.
func NewNames(tables ...*lines.Table) *Names {
	return &Names{tables: tables, known: map[*vm.Package]*symbols{}}
}

// Add makes more tables known.
func (n *Names) Add(tables ...*lines.Table) {
	n.tables = append(n.tables, tables...)
	clear(n.known)
}

// symbols are those of one package.
type symbols struct {
	table   *lines.Table
	classes map[int]*lines.Class // by position
	types   map[int]map[int]cap.FieldDescriptor
}

// of finds the symbols of a package, which are made once.
func (n *Names) of(p *vm.Package) *symbols {
	if s := n.known[p]; s != nil {
		return s
	}
	s := &symbols{table: &lines.Table{}, classes: map[int]*lines.Class{},
		types: map[int]map[int]cap.FieldDescriptor{}}
	n.known[p] = s
	file := p.File()
	if file == nil {
		return s
	}
	if made, err := lines.Of(file); err == nil {
		s.table = made
	}
	for _, t := range n.tables {
		if file.Debug == nil && t.Fits(file) {
			s.table = t
		}
	}
	for i := range s.table.Classes {
		s.classes[s.table.Classes[i].Position] = &s.table.Classes[i]
	}
	if file.Descriptor != nil {
		for _, c := range file.Descriptor.Classes {
			byToken := map[int]cap.FieldDescriptor{}
			for _, f := range c.Fields {
				if !f.Static {
					byToken[f.Token] = f
				}
			}
			for i, class := range file.Classes.List {
				if class.Offset == c.Offset {
					s.types[i] = byToken
				}
			}
		}
	}
	return s
}

// Package is the name of a package without what is before its last part; its AID where nothing
// names it.
func (n *Names) Package(p *vm.Package) string {
	for _, c := range n.of(p).table.Classes {
		if end := strings.LastIndexByte(c.Name, '/'); end > 0 {
			return Short(c.Name[:end])
		}
	}
	return Short(p.Name())
}

// Methods are the methods of a package that are known by name.
func (n *Names) Methods(p *vm.Package) []lines.Method { return n.of(p).table.Methods }

// source finds what is known of a method; nil for nothing.
func (n *Names) source(m *vm.Method) *lines.Method {
	if m == nil || m.Native() {
		return nil
	}
	found := n.of(m.Package()).table.At(m.Start())
	if found == nil || found.Code != m.Start() {
		return nil
	}
	return found
}

// Method is class and name of a method without its package; of one that nothing names its
// package and the offset of its code.
func (n *Names) Method(m *vm.Method) string {
	switch {
	case m == nil:
		return "runtime environment"
	case n.source(m) != nil:
		return n.source(m).String()
	}
	return Short(m.String())
}

// Short is a name without its package.
func Short(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// Line is the source file, without folders, and line of an instruction; "", 0 if not known.
func (n *Names) Line(m *vm.Method, pc int) (file string, line int) {
	if s := n.source(m); s != nil {
		return s.Source, s.Line(pc)
	}
	return "", 0
}

// SourcePath is the source file with the folders of its package; "" if not known.
func (n *Names) SourcePath(m *vm.Method) string {
	s := n.source(m)
	if s == nil {
		return ""
	}
	return s.Path()
}

// At names a method and an instruction in it: by its line where that is known, else by its
// offset from the method's first.
func (n *Names) At(m *vm.Method, pc int) string {
	switch {
	case m == nil || m.Native():
		return n.Method(m)
	default:
		if file, line := n.Line(m, pc); line > 0 {
			return fmt.Sprintf("%s (%s:%d)", n.Method(m), file, line)
		}
		return fmt.Sprintf("%s+%d", n.Method(m), pc-m.Start())
	}
}

// Site names where a machine is, with the native that it called.
func (n *Names) Site(s vm.Site) string {
	at := n.At(s.Method, s.PC)
	if s.Native != nil {
		return fmt.Sprintf("%s, called by %s", n.Method(s.Native), at)
	}
	return at
}

// Class is the name of a class without its package.
func (n *Names) Class(c *vm.Class) string {
	if c == nil {
		return ""
	}
	if s := n.classSymbols(c); s != nil {
		return Short(s.Name)
	}
	return Short(c.Name())
}

func (n *Names) classSymbols(c *vm.Class) *lines.Class {
	if c.Package().Native() {
		return nil
	}
	return n.of(c.Package()).classes[c.Position()]
}

// Field is a field of an instance.
type Field struct {
	Name string
	Type string // descriptor: Z, B, S, I, L for a reference; S where nothing says
	Cell int    // the first in the instance
}

// Cells is how many cells the field takes.
func (f Field) Cells() int {
	if f.Type == "I" {
		return 2
	}
	return 1
}

// Fields are the fields of an instance of a class, those of its superclasses first.
func (n *Names) Fields(c *vm.Class) []Field {
	if c == nil {
		return nil
	}
	fields := n.Fields(c.Super())
	first, end := c.OwnCells()
	for cell := first; cell < end; {
		f := n.ownField(c, cell, first)
		if f.Cells() > end-cell {
			f.Type = "S"
		}
		fields = append(fields, f)
		cell += f.Cells()
	}
	return fields
}

// ownField is the field of a class that begins at a cell.
func (n *Names) ownField(c *vm.Class, cell, first int) Field {
	f := Field{Name: c.HiddenField(cell), Type: "S", Cell: cell}
	if c.IsReference(cell) {
		f.Type = "L"
	}
	if f.Name == "" {
		f.Name = fmt.Sprintf("field%d", cell-first)
	}
	if c.Package().Native() {
		return f
	}
	s := n.of(c.Package())
	if known := s.classes[c.Position()]; known != nil {
		for _, d := range known.Fields {
			if !d.Static && d.Place == cell-first {
				f.Name, f.Type = d.Name, d.Descriptor
				return f
			}
		}
	}
	if d, known := s.types[c.Position()][cell-first]; known && !d.Reference {
		f.Type = primitive(d.Primitive)
	}
	return f
}

// CellName names the field of an instance of a class that has a cell, as a [vm.Namer] does.
func (n *Names) CellName(c *vm.Class, cell int) string {
	for _, f := range n.Fields(c) {
		if f.Cell == cell {
			return f.Name
		}
	}
	return fmt.Sprintf("cell%d", cell)
}

// StaticName names the static field at a place of a package's image, as a [vm.Namer] does.
func (n *Names) StaticName(p *vm.Package, place int) string {
	for _, c := range n.of(p).table.Classes {
		for _, f := range c.Fields {
			if f.Static && f.Place == place {
				return Short(c.Name) + "." + f.Name
			}
		}
	}
	return fmt.Sprintf("static@%d", place)
}

// TypeName is the word for a descriptor of a field, a variable or an element, and the text itself
// for what is none.
func TypeName(descriptor string) string {
	if element, isArray := strings.CutPrefix(descriptor, "["); isArray {
		return TypeName(element) + "[]"
	}
	switch descriptor {
	case "Z":
		return "boolean"
	case "B":
		return "byte"
	case "S":
		return "short"
	case "I":
		return "int"
	case "L":
		return "reference"
	}
	if class, isClass := strings.CutPrefix(descriptor, "L"); isClass &&
		strings.HasSuffix(class, ";") {
		return Short(strings.TrimSuffix(class, ";"))
	}
	return descriptor
}

// primitive is the descriptor of a type of the Descriptor component (JCVM 3.0.5 §6.14.2).
func primitive(kind int) string {
	names := map[int]string{2: "Z", 3: "B", 4: "S", 5: "I"}
	if name := names[kind]; name != "" {
		return name
	}
	return "S"
}

// Static is a static field.
type Static struct {
	Name  string // with its class
	Type  string // as that of a Field
	Place int    // byte of the image of static fields
}

// Statics are the static fields of a package that take memory, by their place. Without names
// they are the references and the bytes of the others.
func (n *Names) Statics(p *vm.Package, references, image int) []Static {
	var found []Static
	taken := map[int]bool{}
	for _, c := range n.of(p).table.Classes {
		for _, f := range c.Fields {
			if f.Static {
				found = append(found, Static{Short(c.Name) + "." + f.Name, f.Descriptor, f.Place})
				taken[f.Place] = true
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	for i := range references {
		found = append(found, Static{fmt.Sprintf("static%d", i), "L", i * staticReference})
	}
	for at := references * staticReference; at < image; at++ {
		found = append(found, Static{fmt.Sprintf("static@%d", at), "B", at})
	}
	return found
}

// staticReference is what a reference takes in the image of static fields.
const staticReference = 2

// Variables are the parameters and local variables of a method that have a value at an
// instruction, by cell; empty if they are not known.
func (n *Names) Variables(m *vm.Method, pc int) []cap.Variable {
	s := n.source(m)
	if s == nil {
		return nil
	}
	var there []cap.Variable
	for _, v := range s.Variables {
		if at := pc - m.Start(); at >= v.Start && at < v.Start+v.Length {
			there = append(there, v)
		}
	}
	return there
}

// Elsewhere reports whether a method has a parameter or local variable of a name, at any of its
// instructions.
func (n *Names) Elsewhere(m *vm.Method, name string) bool {
	s := n.source(m)
	return s != nil && slices.ContainsFunc(s.Variables,
		func(v cap.Variable) bool { return v.Name == name })
}

// HasVariables reports whether the local variables of a method are known.
func (n *Names) HasVariables(m *vm.Method) bool {
	s := n.source(m)
	return s != nil && len(s.Variables) > 0
}

// ClassOf is the class of a method; nil if nothing names it.
func (n *Names) ClassOf(m *vm.Method) *vm.Class {
	s := n.source(m)
	if s == nil {
		return nil
	}
	for _, c := range m.Package().Classes() {
		if known := n.classSymbols(c); known != nil && known.Name == s.Class {
			return c
		}
	}
	return nil
}

// All are the names of the variables, fields and classes of a package; false if they are not known.
func (n *Names) All(p *vm.Package) (names []string, has bool) {
	t := n.of(p).table
	for _, m := range t.Methods {
		for _, v := range m.Variables {
			names = append(names, v.Name)
		}
	}
	for _, c := range t.Classes {
		names = append(names, Short(c.Name))
		for _, f := range c.Fields {
			names = append(names, f.Name)
		}
	}
	return names, len(t.Methods) > 0
}
