package inspect

import (
	"fmt"
	"strings"

	"ekrona.example/emulator/vm"
)

// Element is a field of an object, a static field, or an element of an array, with its value.
type Element struct {
	Name  string // "balance", "[3]"
	Type  string // descriptor; L where only this is known of a reference
	Place int    // its first cell, byte, or element
	Value string
	Cell  int32 // the number, 1 for true, or the reference that it is; 0 where nothing is known

	cells int // that it takes from its place on
}

// IsReference reports whether it refers to an object, or is null.
func (e Element) IsReference() bool { return isReference(e.Type) }

func isReference(descriptor string) bool { return descriptor[0] == 'L' || descriptor[0] == '[' }

// Elements are what an object holds, but for byte and boolean arrays, which show as bytes.
func (i *Image) Elements(o *Object) []Element {
	var list []Element
	add := func(name, descriptor string, place, cells int, c int32, known bool) {
		e := Element{Name: name, Type: descriptor, Place: place, Cell: c, Value: "?", cells: cells}
		if known {
			e.Value = i.Cell(descriptor, c)
		}
		list = append(list, e)
	}
	switch {
	case o.Static != nil:
		for _, f := range o.Static {
			c, known := o.static(f)
			add(f.Name, f.Type, f.Place, 1, c, known)
		}
	case o.Kind == vm.InstanceObject:
		for _, f := range o.Fields {
			c, known := o.field(f)
			add(f.Name, f.Type, f.Cell, f.Cells(), c, known)
		}
	case o.Kind == vm.ShortArray, o.Kind == vm.IntArray, o.Kind == vm.RefArray:
		for n, c := range o.Cells {
			add(fmt.Sprintf("[%d]", n), o.element(), n, 1, c, true)
		}
	}
	return list
}

// element is the descriptor of what an array has.
func (o *Object) element() string {
	switch o.Kind {
	case vm.ShortArray:
		return "S"
	case vm.IntArray:
		return "I"
	case vm.RefArray:
		return "L"
	case vm.BooleanArray:
		return "Z"
	}
	return "B"
}

// Length is how many elements an array has; false for what is none.
func (o *Object) Length() (int, bool) {
	switch {
	case !o.Array:
		return 0, false
	case o.isBytes():
		return len(o.Bytes), true
	}
	return len(o.Cells), true
}

// Element is an element of an array of any kind; false if it has none there.
func (i *Image) Element(o *Object, n int) (Element, bool) {
	if length, isArray := o.Length(); !isArray || n < 0 || n >= length {
		return Element{}, false
	}
	e := Element{Name: fmt.Sprintf("[%d]", n), Type: o.element(), Place: n, cells: 1}
	if o.isBytes() {
		e.Cell, e.Value = int32(int8(o.Bytes[n])), fmt.Sprintf("0x%02X", o.Bytes[n])
		return e, true
	}
	e.Cell = o.Cells[n]
	e.Value = i.Cell(e.Type, e.Cell)
	return e, true
}

// FieldNames are the paths of the image's objects, and the names of their fields and elements; of
// bytes the path alone.
func (i *Image) FieldNames() (names []string) {
	for _, o := range i.Objects {
		names = append(names, o.Path)
		if o.isBytes() {
			continue
		}
		for _, e := range i.Elements(o) {
			separator := "."
			if strings.HasPrefix(e.Name, "[") {
				separator = ""
			}
			names = append(names, o.Path+separator+e.Name)
		}
	}
	return names
}

// Value shows what a name stands for: a field ("Purse.balance"), an element ("Purse.log[3]"), or
// all bytes of an array ("Purse.log"). found is false if there is nothing of that name.
func (i *Image) Value(name string) (value string, found bool) {
	if o := i.byPath[name]; o != nil && o.isBytes() {
		return fmt.Sprintf("%X", o.Bytes), true
	}
	for at := len(name) - 1; at > 0; at-- {
		if name[at] != '.' && name[at] != '[' {
			continue
		}
		o := i.byPath[name[:at]]
		if o == nil {
			continue
		}
		if n := 0; o.isBytes() {
			if _, err := fmt.Sscanf(name[at:], "[%d]", &n); err == nil && n < len(o.Bytes) {
				return fmt.Sprintf("%02X", o.Bytes[n]), true
			}
		}
		for _, e := range i.Elements(o) {
			if e.Name == name[at:] || e.Name == name[at+1:] {
				return e.Value, true
			}
		}
	}
	return "", false
}

// field is what a field of an instance holds; false if the instance has it not.
func (o *Object) field(f Field) (int32, bool) {
	if f.Cell+f.Cells() > len(o.Cells) {
		return 0, false
	}
	if f.Type == "I" {
		return o.Cells[f.Cell]<<16 | o.Cells[f.Cell+1]&0xFFFF, true
	}
	return o.Cells[f.Cell], true
}

// Cell shows one cell as its type says.
func (i *Image) Cell(descriptor string, c int32) string {
	switch descriptor[0] {
	case 'Z':
		return fmt.Sprint(c&1 != 0)
	case 'L', '[':
		return i.reference(c)
	}
	return fmt.Sprint(c)
}

// static is what a static field holds; false if it is not there.
func (o *Object) static(f Static) (int32, bool) {
	at := func(n int) int32 {
		var x int32
		for k := range n {
			if f.Place+k < len(o.Bytes) {
				x = x<<8 | int32(o.Bytes[f.Place+k])
			}
		}
		return x
	}
	switch f.Type[0] {
	case 'L', '[':
		n := f.Place / staticReference
		if n >= len(o.Cells) {
			return 0, false
		}
		return o.Cells[n], true
	case 'I':
		return at(4), true
	case 'S':
		return int32(int16(at(2))), true
	}
	return int32(int8(at(1))), true
}

// Accessed names what an access is to: the object, and its field, or its element, or its range.
func (i *Image) Accessed(a *vm.Access) (object string, names []string) {
	var o *Object
	if a.Package == nil {
		o = i.byRef[a.Object]
	} else {
		for _, s := range i.Objects {
			if s.Package == a.Package {
				o = s
			}
		}
	}
	if o == nil {
		return fmt.Sprintf("object %d", a.Object), nil
	}
	if o.isBytes() {
		names = append(names, fmt.Sprintf("%s[%d..%d]", o.Path, a.Index, a.Index+a.Length-1))
		for n := range a.Length {
			names = append(names, fmt.Sprintf("%s[%d]", o.Path, a.Index+n))
		}
		return o.Path, names
	}
	for _, e := range i.Elements(o) {
		if a.Index >= e.Place && a.Index < e.Place+e.cells {
			names = append(names, Change{Object: o.Path, Field: e.Name}.Name())
		}
	}
	return o.Path, names
}

// Written says what a write changes: the name, what it holds, and what it will.
func (i *Image) Written(a *vm.Access) string {
	object, names := i.Accessed(a)
	if len(names) > 0 {
		object = names[0]
	}
	if a.Length == 1 {
		return fmt.Sprintf("%s %d -> %d", object, a.Old(0), a.New(0))
	}
	old, now := "", ""
	for n := range a.Length {
		old += fmt.Sprintf("%02X", byte(a.Old(n)))
		now += fmt.Sprintf("%02X", byte(a.New(n)))
	}
	return fmt.Sprintf("%s %s -> %s", object, old, now)
}

// Matches reports whether a name is as a pattern has it, "*" standing for anything.
func Matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	rest, found := strings.CutPrefix(name, parts[0])
	if !found || len(parts) == 1 {
		return found && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, found = strings.Cut(rest, part); !found {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
