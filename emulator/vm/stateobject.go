package vm

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// saveObjects writes the heap: for each reference what it names, and the order
// in which free references are used again, so that a restored card goes on
// exactly as the saved one would.
func (v *VM) saveObjects(e *encoder) {
	e.u4(len(v.heap.objects))
	for _, o := range v.heap.objects {
		if o == nil {
			e.u1(objectAbsent)
			continue
		}
		e.u1(int(o.kind) + objectPresent)
		e.u1(int(o.storage))
		e.u1(int(o.flags))
		e.u4(int(o.owner))
		e.u1(int(o.ctx))
		if o.class == nil {
			e.u1(0)
		} else {
			e.u1(1)
			e.u4(o.class.pkg.index)
			e.u4(o.class.position())
		}
		switch {
		case o.storage != Persistent:
			e.u4(o.length())
		case o.kind == BooleanArray || o.kind == ByteArray:
			e.bytes(o.bytes)
		default:
			e.cells(o.cells)
		}
	}
	e.u4(len(v.heap.freeRefs))
	for _, r := range v.heap.freeRefs {
		e.u4(int(r))
	}
}

const (
	objectAbsent  = 0
	objectPresent = 1 // plus the Kind
)

func (c *Class) position() int {
	for i, k := range c.pkg.classes {
		if k == c {
			return i
		}
	}
	return -1
}

func (v *VM) restoreObjects(d *decoder) {
	n := d.count(d.u4())
	if d.err == nil && n < 1 {
		d.fail("no objects, not even null")
	}
	for i := 0; i < n && d.err == nil; i++ {
		o := v.restoreObject(d)
		if i > 0 {
			v.heap.objects = append(v.heap.objects, o)
		} else if o != nil {
			d.fail("an object at null")
		}
		if o != nil && d.err == nil {
			v.charge(o, 1)
		}
	}
	seen := map[Ref]bool{}
	for n := d.count(d.u4()); n > 0 && d.err == nil; n-- {
		r := Ref(d.u4())
		if d.err != nil {
			return
		}
		if r == 0 || int(r) >= len(v.heap.objects) || v.heap.objects[r] != nil || seen[r] {
			d.fail("free reference %d names an object", r)
			return
		}
		seen[r] = true
		v.heap.freeRefs = append(v.heap.freeRefs, r)
	}
}

func (v *VM) restoreObject(d *decoder) *object {
	kind := d.u1()
	if kind == objectAbsent || d.err != nil {
		return nil
	}
	o := &object{kind: Kind(kind - objectPresent), storage: Storage(d.u1()), flags: Flags(d.u1())}
	owner := d.u4()
	o.owner, o.ctx = Instance(owner), Context(d.u1())
	if d.err == nil && (o.kind > RefArray || o.storage > ClearOnDeselect ||
		owner >= len(v.instances)) {
		d.fail("an object of kind %d, storage %d, owner %d", o.kind, o.storage, owner)
	}
	if d.u1() != 0 {
		pkg, at := d.u4(), d.u4()
		if d.err != nil || pkg >= len(v.packages) || v.packages[pkg] == nil ||
			at >= len(v.packages[pkg].classes) {
			d.fail("an object of class %d of package %d", at, pkg)
			return nil
		}
		o.class = v.packages[pkg].classes[at]
	}
	if needsClass := o.kind == InstanceObject || o.kind == RefArray; d.err == nil &&
		needsClass != (o.class != nil) {
		d.fail("an object with the wrong class")
	}
	inBytes := o.kind == BooleanArray || o.kind == ByteArray
	switch {
	case d.err != nil:
		return nil
	case o.storage != Persistent:
		n := d.u4()
		if n > maxArrayLength {
			d.fail("a transient object of %d elements", n)
			return nil
		}
		if inBytes {
			o.setShared(zeros[:n:n])
		} else {
			o.cells = make([]int32, n)
		}
	case inBytes:
		o.bytes = append([]byte{}, d.bytes()...)
		if n := len(o.bytes); n <= len(zeros) && bytes.Equal(o.bytes, zeros[:n]) {
			o.shareZeros()
		}
	default:
		o.cells = d.cells()
	}
	o.reseal()
	if d.err == nil && o.kind == InstanceObject &&
		(len(o.cells) != o.class.cells || o.class.isIface) {
		d.fail("an instance of %s with %d cells", o.class.name, len(o.cells))
	}
	if d.err == nil && o.kind == InstanceObject && o.class.pkg.native && len(o.cells) > 0 &&
		o.storage == Persistent {
		o.ram = v.engineRAM(o.class, Value(o.cells[0]))
	}
	return o
}

// encoder appends big-endian numbers and counted strings.
type encoder struct{ data []byte }

func (e *encoder) u1(n int) { e.data = append(e.data, byte(n)) }
func (e *encoder) u2(n int) { e.data = binary.BigEndian.AppendUint16(e.data, uint16(n)) }
func (e *encoder) u4(n int) { e.data = binary.BigEndian.AppendUint32(e.data, uint32(n)) }

func (e *encoder) bytes(b []byte) {
	e.u4(len(b))
	e.data = append(e.data, b...)
}

func (e *encoder) cells(list []int32) {
	e.u4(len(list))
	for _, x := range list {
		e.u4(int(x))
	}
}

// decoder reads them back; the first error stays and everything after it is
// zero.
type decoder struct {
	data []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && n > len(d.data) {
		d.fail("it ends too early")
	}
	if d.err != nil {
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *decoder) u1() int {
	if b := d.take(1); b != nil {
		return int(b[0])
	}
	return 0
}

func (d *decoder) u2() int {
	if b := d.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (d *decoder) u4() int {
	if b := d.take(4); b != nil {
		return int(binary.BigEndian.Uint32(b))
	}
	return 0
}

// count checks that n items of at least one byte can follow.
func (d *decoder) count(n int) int {
	if d.err == nil && n > len(d.data) {
		d.fail("%d items in %d bytes", n, len(d.data))
	}
	if d.err != nil {
		return 0
	}
	return n
}

func (d *decoder) bytes() []byte { return d.take(d.count(d.u4())) }

func (d *decoder) cells() []int32 {
	n := d.count(d.u4())
	list := make([]int32, 0, n)
	for i := 0; i < n && d.err == nil; i++ {
		list = append(list, int32(d.u4()))
	}
	return list
}
