package inspect

import (
	"bytes"
	"fmt"

	"ekrona.example/emulator/vm"
)

// Change is one place of memory that differs between two images.
type Change struct {
	Object string   `json:"object"` // its path
	Class  string   `json:"class"`
	Memory string   `json:"memory"` // "persistent", "clear on reset", "clear on deselect"
	Field  string   `json:"field,omitempty"`
	Offset int      `json:"offset"` // bytes or elements; of a field its cell
	Old    string   `json:"old"`    // bytes in hex; "" for an object that is new
	New    string   `json:"new"`    // the same; "" for one that is gone
	Where  []string `json:"where"`  // methods and lines that wrote it, the last one last

	ref    vm.Ref      // in the later image
	pkg    *vm.Package // of a static field
	length int
}

// Name is object and field, or object and range.
func (c Change) Name() string {
	switch {
	case c.Field != "" && c.Field[0] == '[':
		return c.Object + c.Field
	case c.Field != "":
		return c.Object + "." + c.Field
	case c.length > 1:
		return fmt.Sprintf("%s[%d..%d]", c.Object, c.Offset, c.Offset+c.length-1)
	case c.length == 1:
		return fmt.Sprintf("%s[%d]", c.Object, c.Offset)
	}
	return c.Object
}

// Diff lists what differs from one image to a later one of the same card, in the order of the
// later; an object has the path that it had before.
func Diff(before, after *Image) []Change {
	changes, found := []Change{}, map[*Object]bool{}
	for _, o := range after.Objects {
		was := before.same(o)
		found[was] = true
		if was == nil {
			changes = append(changes, Change{Object: o.Path, Class: o.Class,
				Memory: storage(o.Storage), New: "new object", ref: o.Ref})
			continue
		}
		changes = append(changes, differing(before, after, was, o)...)
	}
	for _, o := range before.Objects {
		if !found[o] {
			changes = append(changes, Change{Object: o.Path, Class: o.Class,
				Memory: storage(o.Storage), Old: "object", ref: o.Ref})
		}
	}
	return changes
}

// same finds the object of an earlier image that a later one's is: by its reference, or else by
// its path; nil for none.
func (i *Image) same(o *Object) *Object {
	was := i.byRef[o.Ref]
	if o.Static != nil || was == nil || was.Class != o.Class {
		was = i.byPath[o.Path]
	}
	if was == nil || was.Class != o.Class {
		return nil
	}
	return was
}

// differing lists what differs in an object that both images have.
func differing(before, after *Image, was, o *Object) (changes []Change) {
	base := Change{Object: was.Path, Class: o.Class, Memory: storage(o.Storage), ref: o.Ref,
		pkg: o.Package}
	if o.isBytes() {
		for _, r := range ranges(was.Bytes, o.Bytes) {
			c := base
			c.Offset, c.length = r.from, r.to-r.from
			c.Old = fmt.Sprintf("%X", was.Bytes[r.from:r.to])
			c.New = fmt.Sprintf("%X", o.Bytes[r.from:r.to])
			changes = append(changes, c)
		}
		return changes
	}
	old, now := before.Elements(was), after.Elements(o)
	for i := range now {
		if i < len(old) && old[i].Value != now[i].Value &&
			!(old[i].IsReference() && old[i].Cell != 0 && old[i].Cell == now[i].Cell) {
			c := base
			c.Field, c.Offset = now[i].Name, now[i].Place
			c.Old, c.New = old[i].Value, now[i].Value
			known := before.byRef[vm.Ref(now[i].Cell)]
			if known != nil && now[i].IsReference() {
				c.New = known.Path
			}
			c.length = now[i].cells
			changes = append(changes, c)
		}
	}
	return changes
}

// span is bytes from one to before another.
type span struct{ from, to int }

// joined is how many equal bytes between two changed ones make no two ranges.
const joined = 2

// ranges are where two slices of one length differ.
func ranges(a, b []byte) []span {
	if bytes.Equal(a, b) {
		return nil
	}
	var found []span
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		if n := len(found); n > 0 && i-found[n-1].to <= joined {
			found[n-1].to = i + 1
		} else {
			found = append(found, span{i, i + 1})
		}
	}
	return found
}

func storage(s vm.Storage) string {
	switch s {
	case vm.ClearOnReset:
		return "clear on reset"
	case vm.ClearOnDeselect:
		return "clear on deselect"
	}
	return "persistent"
}
