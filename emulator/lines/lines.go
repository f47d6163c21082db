// Package lines maps each instruction of a CAP file to its source line, and names its
// classes, fields, methods and local variables.
//
// A CAP file for cards carries no debug information. scripts/build-applet converts the
// same sources once more with it, requires the Method component to be the same byte by
// byte, and writes the methods and lines of the debug information to a file beside the
// CAP file. The table names the Method component by its SHA-256, so that it cannot be
// taken for that of another build.
package lines

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"sort"
	"strings"

	"ekrona.example/emulator/cap"
)

// Table is the methods of a CAP file in the order of their offsets.
type Table struct {
	Classes []Class // in the order of the debug information, interfaces too
	Methods []Method
	digest  [sha256.Size]byte // of the Method component
}

// Class names a class and its own fields.
type Class struct {
	Name     string // with slashes
	Position int    // in the Class component, from 0
	Fields   []cap.FieldDebug
}

// Method names a method and its lines.
type Method struct {
	Class, Name, Descriptor string
	Source                  string // file, without folders
	Offset                  int    // of its header in the Method component's content
	Code                    int    // of its first instruction there
	Lines                   []cap.Line
	Variables               []cap.Variable
}

// String is class and name, without the package.
func (m *Method) String() string {
	return m.Class[strings.LastIndexByte(m.Class, '/')+1:] + "." + m.Name
}

// Path is the source file with the folders of the package.
func (m *Method) Path() string {
	return m.Class[:strings.LastIndexByte(m.Class, '/')+1] + m.Source
}

// Line returns the source line of the instruction at an offset in the Method
// component's content. The converter leaves gaps between ranges: an instruction in a
// gap belongs to the range before.
func (m *Method) Line(offset int) (line int) {
	start := -1
	for _, l := range m.Lines {
		if l.Start <= offset-m.Code && l.Start > start {
			start, line = l.Start, l.Line
		}
	}
	return line
}

// Of takes the table from a CAP file with debug information.
func Of(file *cap.File) (*Table, error) {
	if file.Debug == nil {
		return nil, fmt.Errorf("lines: the CAP file has no debug information")
	}
	t := &Table{digest: sha256.Sum256(file.Component(cap.TagMethod))}
	for _, c := range file.Debug.Classes {
		t.Classes = append(t.Classes, Class{c.Name, position(file, c.Offset), c.Fields})
		for _, d := range c.Methods {
			header, ok := file.Methods.HeaderAt(d.Offset)
			if !ok || header.Abstract {
				continue
			}
			t.Methods = append(t.Methods, Method{c.Name, d.Name, d.Descriptor, c.Source, d.Offset,
				header.Code, d.Lines, d.Variables})
		}
	}
	sort.Slice(t.Methods, func(i, j int) bool { return t.Methods[i].Offset < t.Methods[j].Offset })
	return t, nil
}

// position is the place of the class at an offset among those of a CAP file: the offset itself
// differs in a file without debug information, which may have an older format.
func position(file *cap.File, offset int) int {
	for i, c := range file.Classes.List {
		if c.Offset == offset {
			return i
		}
	}
	return -1
}

// Fits reports whether the table is that of the CAP file.
func (t *Table) Fits(file *cap.File) bool {
	return t.digest == sha256.Sum256(file.Component(cap.TagMethod))
}

// At returns the method that holds the instruction at an offset, or nil.
func (t *Table) At(offset int) *Method {
	n := sort.Search(len(t.Methods), func(i int) bool { return t.Methods[i].Code > offset })
	if n == 0 {
		return nil
	}
	return &t.Methods[n-1]
}

// Encode writes the table as text that Parse reads back: the digest; for each class one line
// that names it and one for each of its fields; then for each method one line that names it,
// one for each of its ranges and one for each of its variables.
func (t *Table) Encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "component %x\n", t.digest)
	for _, c := range t.Classes {
		fmt.Fprintf(&b, "class %s %d\n", c.Name, c.Position)
		for _, f := range c.Fields {
			kind := "field"
			if f.Static {
				kind = "static"
			}
			fmt.Fprintf(&b, "%s %s %s %d\n", kind, f.Name, f.Descriptor, f.Place)
		}
	}
	for _, m := range t.Methods {
		fmt.Fprintf(&b, "method %s %s %s %s %d %d\n", m.Class, m.Name, m.Descriptor, m.Source,
			m.Offset, m.Code)
		for _, l := range m.Lines {
			fmt.Fprintf(&b, "%d %d %d\n", l.Start, l.End, l.Line)
		}
		for _, v := range m.Variables {
			fmt.Fprintf(&b, "variable %s %s %d %d %d\n", v.Name, v.Descriptor, v.Cell, v.Start,
				v.Length)
		}
	}
	return b.Bytes()
}

// Parse reads what Encode wrote.
func Parse(text []byte) (*Table, error) {
	t := &Table{}
	for n, scan := 1, bufio.NewScanner(bytes.NewReader(text)); scan.Scan(); n++ {
		if err := t.parseLine(n, scan.Text()); err != nil {
			return nil, fmt.Errorf("lines: line %d: %w; run scripts/build-applet", n, err)
		}
	}
	if !bytes.Equal(t.Encode(), text) {
		return nil, fmt.Errorf(
			"lines: the table is not in its usual form; run scripts/build-applet")
	}
	return t, nil
}

// ParseAll reads what Encode wrote of several tables, one behind the other.
func ParseAll(text []byte) (tables []*Table, err error) {
	const first = "component "
	for len(text) > 0 {
		end := len(text)
		if next := bytes.Index(text, []byte("\n"+first)); next >= 0 {
			end = next + 1
		}
		t, err := Parse(text[:end])
		if err != nil {
			return nil, err
		}
		tables, text = append(tables, t), text[end:]
	}
	return tables, nil
}

func (t *Table) parseLine(n int, line string) error {
	if n == 1 {
		var digest []byte
		if _, err := fmt.Sscanf(line, "component %x", &digest); err != nil {
			return err
		}
		if len(digest) != len(t.digest) {
			return fmt.Errorf("a SHA-256 has %d bytes", len(t.digest))
		}
		copy(t.digest[:], digest)
		return nil
	}
	kind, _, _ := strings.Cut(line, " ")
	switch kind {
	case "class":
		var c Class
		if _, err := fmt.Sscanf(line, "class %s %d", &c.Name, &c.Position); err != nil {
			return err
		}
		t.Classes = append(t.Classes, c)
		return nil
	case "field", "static":
		return t.parseField(line, kind == "static")
	case "method":
		var m Method
		if _, err := fmt.Sscanf(line, "method %s %s %s %s %d %d", &m.Class, &m.Name, &m.Descriptor,
			&m.Source, &m.Offset, &m.Code); err != nil {
			return err
		}
		t.Methods = append(t.Methods, m)
		return nil
	}
	return t.parseInMethod(line, kind == "variable")
}

// parseField reads a field of the class before it.
func (t *Table) parseField(line string, static bool) error {
	if len(t.Classes) == 0 {
		return fmt.Errorf("a field before any class")
	}
	f := cap.FieldDebug{Static: static}
	var kind string
	if _, err := fmt.Sscanf(line, "%s %s %s %d", &kind, &f.Name, &f.Descriptor,
		&f.Place); err != nil {
		return err
	}
	last := &t.Classes[len(t.Classes)-1]
	last.Fields = append(last.Fields, f)
	return nil
}

// parseInMethod reads a variable, or a range, of the method before it.
func (t *Table) parseInMethod(line string, isVariable bool) error {
	if len(t.Methods) == 0 {
		return fmt.Errorf("a range before any method")
	}
	last := &t.Methods[len(t.Methods)-1]
	if isVariable {
		var v cap.Variable
		if _, err := fmt.Sscanf(line, "variable %s %s %d %d %d", &v.Name, &v.Descriptor, &v.Cell,
			&v.Start, &v.Length); err != nil {
			return err
		}
		last.Variables = append(last.Variables, v)
		return nil
	}
	var l cap.Line
	if _, err := fmt.Sscanf(line, "%d %d %d", &l.Start, &l.End, &l.Line); err != nil {
		return err
	}
	last.Lines = append(last.Lines, l)
	return nil
}
