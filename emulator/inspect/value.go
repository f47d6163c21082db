package inspect

import (
	"fmt"

	"ekrona/emulator/vm"
)

// Element is a field of an object, a static field, or an element of an array, with its value.
type Element struct {
	Name  string // "balance", "[3]"
	Type  string // descriptor
	Place int    // its first cell, byte, or element
	Value string
}

// Elements are what an object holds, but for byte and boolean arrays, which show as bytes.
func (i *Image) Elements(o *Object) []Element {
	var list []Element
	add := func(name, descriptor string, place int, value string) {
		list = append(list, Element{name, descriptor, place, value})
	}
	switch {
	case o.Static != nil:
		for _, f := range o.Static {
			add(f.Name, f.Type, f.Place, i.static(o, f))
		}
	case o.Kind == vm.InstanceObject:
		for _, f := range o.Fields {
			add(f.Name, f.Type, f.Cell, i.field(o, f))
		}
	case o.Kind == vm.ShortArray, o.Kind == vm.IntArray:
		for n, c := range o.Cells {
			add(fmt.Sprintf("[%d]", n), "S", n, fmt.Sprint(c))
		}
	case o.Kind == vm.RefArray:
		for n, c := range o.Cells {
			add(fmt.Sprintf("[%d]", n), "L", n, i.reference(c))
		}
	}
	return list
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
