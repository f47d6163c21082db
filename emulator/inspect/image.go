package inspect

import (
	"bytes"
	"fmt"
	"slices"

	"ekrona.example/emulator/vm"
)

// Image is a copy of a card's memory, with a path to each object by which it can be found
// again on this card and on another: "Purse.log[3]".
type Image struct {
	names   *Names
	Objects []*Object // in the order in which they are found from the applets on
	byPath  map[string]*Object
	byRef   map[vm.Ref]*Object
	others  map[vm.Ref]string // names of what takes no memory that an image shows
}

// Object is an object, or the static fields of a package.
type Object struct {
	vm.Object
	Path   string
	Root   bool    // no other object leads to it: an applet, static fields, the runtime's own
	Class  string  // name of an instance's class, or type of an array
	Fields []Field // of an instance

	// Of static fields, which are in Bytes and, references, in Cells.
	Static  []Static
	Package *vm.Package
}

// Part is one of the memories of a card, or all.
type Part int

// The parts.
const (
	Everything Part = iota
	Persistent      // what survives a loss of power
	Transient
)

// has reports whether an object is in the part.
func (p Part) has(o *Object) bool {
	switch p {
	case Persistent:
		return o.Storage == vm.Persistent
	case Transient:
		return o.Storage != vm.Persistent
	}
	return true
}

// Take copies a part of a machine's memory. It may be called when [vm.VM.Look] may.
func Take(v *vm.VM, names *Names, part Part) *Image {
	t := taking{v: v, names: names, heap: map[vm.Ref]*Object{}, image: &Image{names: names,
		byPath: map[string]*Object{}, byRef: map[vm.Ref]*Object{}, others: map[vm.Ref]string{}}}
	t.walk()
	kept := t.image.Objects[:0]
	for _, o := range t.image.Objects {
		if !part.has(o) {
			delete(t.image.byPath, o.Path)
			continue
		}
		o.Bytes, o.Cells = bytes.Clone(o.Bytes), slices.Clone(o.Cells)
		kept = append(kept, o)
	}
	t.image.Objects = kept
	return t.image
}

// taking is an image that is being made.
type taking struct {
	v     *vm.VM
	names *Names
	heap  map[vm.Ref]*Object
	order []vm.Ref
	image *Image
	queue []*Object
}

// walk finds every object from the applets on, each by the shortest path.
func (t *taking) walk() {
	t.v.Look(func(o vm.Object) {
		t.heap[o.Ref] = &Object{Object: o}
		t.order = append(t.order, o.Ref)
	})
	for _, i := range t.v.Instances() {
		if o := t.heap[i.Applet]; o != nil {
			t.root(i.Applet, t.unused(t.names.Class(o.Type)))
			t.root(i.AID, t.unused(t.names.Class(o.Type)+" AID"))
		}
	}
	t.follow()
	t.v.LookStatic(t.static)
	t.follow()
	for _, r := range t.order {
		if o := t.heap[r]; o.Path == "" && o.Owner == 0 &&
			(o.NVM > 0 || o.RAM > 0 || o.Flags&vm.GlobalArray != 0) {
			t.root(r, t.unused(t.ofRuntime(o)))
			t.follow()
		}
	}
	for _, r := range t.order {
		if o := t.heap[r]; o.Path == "" && o.Owner != 0 {
			t.root(r, t.unused("unreachable "+t.class(o)))
			t.follow()
		}
	}
	for _, r := range t.order {
		if o := t.heap[r]; o.Path == "" {
			t.image.others[r] = t.ofRuntime(o) // such as the APDU
		}
	}
}

// ofRuntime names an object of the runtime environment.
func (t *taking) ofRuntime(o *Object) string {
	if o.Flags&vm.GlobalArray != 0 && o.Kind == vm.ByteArray {
		return "APDU buffer"
	}
	return "runtime " + t.class(o)
}

// unused is a path that no object has yet.
func (t *taking) unused(path string) string {
	for n, first := 2, path; t.image.byPath[path] != nil; n++ {
		path = fmt.Sprintf("%s %d", first, n)
	}
	return path
}

// root enters an object to which no other leads.
func (t *taking) root(r vm.Ref, path string) {
	t.reach(r, path)
	if o := t.heap[r]; o != nil && o.Path == path {
		o.Root = true
	}
}

// reach enters an object, unless it is there already.
func (t *taking) reach(r vm.Ref, path string) {
	o := t.heap[r]
	if o == nil || o.Path != "" {
		return
	}
	o.Path, o.Class = path, t.class(o)
	if o.Kind == vm.InstanceObject {
		o.Fields = t.names.Fields(o.Type)
	}
	t.enter(o)
	t.image.byRef[r] = o
}

func (t *taking) enter(o *Object) {
	t.image.Objects = append(t.image.Objects, o)
	t.image.byPath[o.Path] = o
	t.queue = append(t.queue, o)
}

// follow reaches what the objects in the queue refer to, and so on.
func (t *taking) follow() {
	for len(t.queue) > 0 {
		o := t.queue[0]
		t.queue = t.queue[1:]
		o.eachReference(func(r vm.Ref, where string) { t.reach(r, o.Path+where) })
	}
}

// static enters the static fields of a package.
func (t *taking) static(p *vm.Package, image []byte, references []int32) {
	o := &Object{Root: true, Path: t.unused(t.names.Package(p)), Class: "static fields",
		Static: t.names.Statics(p, len(references), len(image))}
	o.Package = p
	o.Bytes, o.Cells, o.NVM = image, references, len(image)
	t.enter(o)
}

// eachReference gives each reference of an object that is not null, and where it is.
func (o *Object) eachReference(do func(r vm.Ref, where string)) {
	switch {
	case o.Static != nil:
		for _, f := range o.Static {
			if i := f.Place / staticReference; isReference(f.Type) && i < len(o.Cells) &&
				o.Cells[i] != 0 {
				do(vm.Ref(o.Cells[i]), "."+f.Name)
			}
		}
	case o.Kind == vm.RefArray:
		for i, c := range o.Cells {
			if c != 0 {
				do(vm.Ref(c), fmt.Sprintf("[%d]", i))
			}
		}
	case o.Kind == vm.InstanceObject:
		for _, f := range o.Fields {
			if f.Cell < len(o.Cells) && o.Type.IsReference(f.Cell) && o.Cells[f.Cell] != 0 {
				do(vm.Ref(o.Cells[f.Cell]), "."+f.Name)
			}
		}
	}
}

// class names what an object is.
func (t *taking) class(o *Object) string {
	switch o.Kind {
	case vm.InstanceObject:
		return t.names.Class(o.Type)
	case vm.RefArray:
		return fmt.Sprintf("%s[%d]", t.names.Class(o.Type), len(o.Cells))
	case vm.ShortArray:
		return fmt.Sprintf("short[%d]", len(o.Cells))
	case vm.IntArray:
		return fmt.Sprintf("int[%d]", len(o.Cells))
	case vm.BooleanArray:
		return fmt.Sprintf("boolean[%d]", len(o.Bytes))
	}
	return fmt.Sprintf("byte[%d]", len(o.Bytes))
}

// Find returns the object of a reference; nil for none.
func (i *Image) Find(r vm.Ref) *Object { return i.byRef[r] }

// At returns the object of a path; nil for none.
func (i *Image) At(path string) *Object { return i.byPath[path] }

// reference shows a reference: the path of what it names.
func (i *Image) reference(r int32) string {
	if r == 0 {
		return "null"
	}
	if o := i.byRef[vm.Ref(r)]; o != nil {
		return o.Path
	}
	if name := i.others[vm.Ref(r)]; name != "" {
		return name
	}
	return fmt.Sprintf("object %d", r)
}
