package inspect

import (
	"fmt"
	"strings"

	"ekrona.example/emulator/vm"
)

// Element is a field of an object, a static field, or an element of an array, with its value.
type Element struct {
	Name  string // "balance", "[3]"
	Type  string // descriptor
	Place int    // its first cell, byte, or element
	Value string

	reference int32 // that it is, 0 for none
}

// Elements are what an object holds, but for byte and boolean arrays, which show as bytes.
func (i *Image) Elements(o *Object) []Element {
	var list []Element
	add := func(name, descriptor string, place int, value string) {
		list = append(list, Element{Name: name, Type: descriptor, Place: place, Value: value})
	}
	switch {
	case o.Static != nil:
		for _, f := range o.Static {
			add(f.Name, f.Type, f.Place, i.static(o, f))
			if n := f.Place / staticReference; f.isReference() && n < len(o.Cells) {
				list[len(list)-1].reference = o.Cells[n]
			}
		}
	case o.Kind == vm.InstanceObject:
		for _, f := range o.Fields {
			add(f.Name, f.Type, f.Cell, i.field(o, f))
			if o.Type.IsReference(f.Cell) && f.Cell < len(o.Cells) {
				list[len(list)-1].reference = o.Cells[f.Cell]
			}
		}
	case o.Kind == vm.ShortArray, o.Kind == vm.IntArray:
		for n, c := range o.Cells {
			add(fmt.Sprintf("[%d]", n), "S", n, fmt.Sprint(c))
		}
	case o.Kind == vm.RefArray:
		for n, c := range o.Cells {
			add(fmt.Sprintf("[%d]", n), "L", n, i.reference(c))
			list[len(list)-1].reference = c
		}
	}
	return list
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

// field shows the value of a field.
func (i *Image) field(o *Object, f Field) string {
	if f.Cell+f.Cells() > len(o.Cells) {
		return "?"
	}
	c := o.Cells[f.Cell]
	switch {
	case o.Type.IsReference(f.Cell):
		return i.reference(c)
	case f.Type == "I":
		return fmt.Sprint(c<<16 | o.Cells[f.Cell+1]&0xFFFF)
	}
	return i.Cell(f.Type, c)
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

// static shows the value of a static field.
func (i *Image) static(o *Object, f Static) string {
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
		if n := f.Place / staticReference; n < len(o.Cells) {
			return i.reference(o.Cells[n])
		}
		return "?"
	case 'I':
		return fmt.Sprint(at(4))
	case 'S':
		return fmt.Sprint(int16(at(2)))
	case 'Z':
		return fmt.Sprint(at(1)&1 != 0)
	}
	return fmt.Sprint(int8(at(1)))
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
		if e.Place == a.Index || e.Type == "I" && e.Place+1 == a.Index {
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
