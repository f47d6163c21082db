package inspect

import (
	"fmt"
	"io"

	"ekrona.example/emulator/vm"
)

// Shown is an object as a dump shows it.
type Shown struct {
	Object     string  `json:"object"` // its path
	Class      string  `json:"class"`
	Memory     string  `json:"memory"`     // as in Change
	Persistent int     `json:"persistent"` // bytes that it takes
	RAM        int     `json:"ram"`
	Bytes      string  `json:"bytes,omitempty"` // in hex, of a byte or boolean array
	Fields     []Named `json:"fields,omitempty"`
	Writer     string  `json:"writer,omitempty"` // of what is left in RAM, where it is known
}

// Named is a field or an element of a Shown.
type Named struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // boolean, byte, short, int, reference, or a class
	Value string `json:"value"`
}

// Dump shows every object of the image, with its fields and elements.
func (i *Image) Dump() []Shown {
	list := []Shown{}
	for _, o := range i.Objects {
		list = append(list, i.show(o))
	}
	return list
}

func (i *Image) show(o *Object) Shown {
	s := Shown{Object: o.Path, Class: o.Class, Memory: storage(o.Storage), Persistent: o.NVM,
		RAM: o.RAM}
	if o.isBytes() {
		s.Bytes = fmt.Sprintf("%X", o.Bytes)
		return s
	}
	for _, e := range i.Elements(o) {
		s.Fields = append(s.Fields, Named{e.Name, TypeName(e.Type), e.Value})
	}
	return s
}

// isBytes reports whether an object shows as bytes.
func (o *Object) isBytes() bool {
	return o.Static == nil && (o.Kind == vm.ByteArray || o.Kind == vm.BooleanArray)
}

// Left shows what transient memory holds that is not zero or null, with who wrote it last if r
// is not nil and knows.
func (i *Image) Left(r *Recorder) []Shown {
	list := []Shown{}
	for _, o := range i.Objects {
		at := o.firstSet()
		if o.Storage == vm.Persistent || at < 0 {
			continue
		}
		s := i.show(o)
		if r != nil {
			s.Writer = r.LastWriter(o.Ref, at)
		}
		list = append(list, s)
	}
	return list
}

// firstSet is the first element that is not zero; -1 for none.
func (o *Object) firstSet() int {
	for at, b := range o.Bytes {
		if b != 0 {
			return at
		}
	}
	for at, c := range o.Cells {
		if c != 0 {
			return at
		}
	}
	return -1
}

// bytesOfLine is how many bytes a line of a dump shows.
const bytesOfLine = 32

// WriteDump writes objects as text, a header and an indented line for each field or for some
// bytes. Lines of zeros are not repeated.
func WriteDump(out io.Writer, objects []Shown) {
	for _, s := range objects {
		fmt.Fprintf(out, "%s  %s, %s, %d bytes\n", s.Object, s.Class, s.Memory,
			s.Persistent+s.RAM)
		if s.Writer != "" {
			fmt.Fprintf(out, "  last written by %s\n", s.Writer)
		}
		for _, f := range s.Fields {
			fmt.Fprintf(out, "  %-24s %-9s %s\n", f.Name, f.Type, f.Value)
		}
		writeBytes(out, s.Bytes)
	}
}

func writeBytes(out io.Writer, hex string) {
	skipped := 0
	for at := 0; at < len(hex); at += 2 * bytesOfLine {
		line := hex[at:min(at+2*bytesOfLine, len(hex))]
		if isZero(line) && at > 0 && at+2*bytesOfLine < len(hex) {
			skipped += len(line) / 2
			continue
		}
		if skipped > 0 {
			fmt.Fprintf(out, "  ....  %d bytes of zero\n", skipped)
			skipped = 0
		}
		fmt.Fprintf(out, "  %04X  %s\n", at/2, line)
	}
}

func isZero(hex string) bool {
	for _, c := range hex {
		if c != '0' {
			return false
		}
	}
	return true
}

// WriteChanges writes changes as text, one a line, with who wrote them below.
func WriteChanges(out io.Writer, changes []Change) {
	for _, c := range changes {
		fmt.Fprintf(out, "%s  (%s)  %s -> %s\n", c.Name(), c.Memory, text(c.Old), text(c.New))
		for _, at := range c.Where {
			fmt.Fprintf(out, "    %s\n", at)
		}
	}
}

func text(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}
