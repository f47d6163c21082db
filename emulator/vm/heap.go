package vm

// Ref names an object; 0 is null.
type Ref uint32

// Storage is the memory that holds the content of an object. The numbers are those of
// JCSystem.isTransient.
type Storage uint8

// The kinds of memory (Java Card API 3.0.5, JCSystem).
const (
	Persistent      Storage = iota // survives power loss; writes go through the journal
	ClearOnReset                   // RAM, zero after reset
	ClearOnDeselect                // RAM, zero after reset and when its applet is deselected
)

// Flags mark the objects of the runtime environment (JCRE 3.0.5 §6.2.1, §6.2.2).
type Flags uint8

// The marks of an object.
const (
	EntryPoint Flags = 1 << iota // its methods may be called from every context
	Temporary                    // and no reference to it may be stored in a field or an array
	// its elements may be accessed from every context; no reference may be stored
	GlobalArray
	Sensitive // an array with an integrity control element
)

// Kind is the layout of an object's content.
type Kind uint8

// The kinds of object.
const (
	InstanceObject Kind = iota
	BooleanArray
	ByteArray
	ShortArray
	IntArray
	RefArray
)

// object is one heap object. Boolean and byte arrays keep their content in
// bytes; everything else in cells, one cell for a field half, a short, an int
// or a reference. An int field keeps its two halves in two cells.
type object struct {
	bytes    []byte
	cells    []int32
	class    *Class // of an instance, or the element class of a reference array
	volatile *any   // few have one
	owner    Instance
	ctx      Context
	kind     Kind
	storage  Storage
	flags    Flags
	marked   bool
	shared   bool   // bytes are not its own (shared.go)
	seal     uint32 // integrity control element of a Sensitive array
	ram      uint16 // bytes of RAM that an engine takes on the card
}

// Memory that an object takes beside its content, as counted against the
// profile: header, class, owner and length.
const objectHeaderBytes = 8

type heap struct {
	objects   []*object // index 0 is null
	freeRefs  []Ref     // last freed first
	nvmBytes  int       // persistent objects and headers of transient ones
	codeBytes int       // loaded packages
	corBytes  int       // CLEAR_ON_RESET content and engines, global arrays of the command included
	codByCtx  []int     // CLEAR_ON_DESELECT content by context; contexts share the space
	globals   []Ref     // arrays of makeGlobalArray, which go when the command ends
}

func (o *object) length() int {
	return len(o.bytes) + len(o.cells) // one of them is empty
}

func (o *object) isArray() bool { return o.kind != InstanceObject }

// element reads an element of an array of any kind.
func (v *VM) element(r Ref, o *object, i int) int32 {
	if o.kind != BooleanArray && o.kind != ByteArray {
		return v.cell(r, o, i)
	}
	if v.probe.Read != nil {
		return v.readByte(r, o, i)
	}
	return int32(int8(o.bytes[i]))
}

// contentBytes is the size of the content on a card: a byte for a byte or
// boolean, two for a short, a reference or a field cell, four for an int.
func (o *object) contentBytes() int {
	switch o.kind {
	case BooleanArray, ByteArray:
		return len(o.bytes)
	case IntArray:
		return 4 * len(o.cells)
	default:
		return 2 * len(o.cells)
	}
}

func (o *object) cellBytes() int {
	if o.kind == IntArray {
		return 4
	}
	return 2
}

func (o *object) clear() {
	if !o.shared {
		clear(o.bytes)
	} else {
		o.shareZeros()
	}
	clear(o.cells)
	o.reseal()
}

// object returns the object behind r. Null throws NullPointerException; a
// number that names no object is a card fault.
func (v *VM) object(r Ref) *object {
	if r == 0 {
		v.throwNew(classNullPointer, 0)
	}
	if int64(r) >= int64(len(v.heap.objects)) || v.heap.objects[r] == nil {
		v.fault(FaultType, "not a reference")
	}
	return v.heap.objects[r]
}

// slot returns a hidden field of a native class.
func (v *VM) slot(r Ref, slot int) *int32 {
	o := v.object(r)
	if o.kind != InstanceObject || uint(slot) >= uint(len(o.cells)) {
		v.fault(FaultType, "object of another class than the method expects")
	}
	return &o.cells[slot]
}

func (v *VM) newInstance(c *Class, owner Instance, s Storage, f Flags) Ref {
	o := &object{kind: InstanceObject, class: c, storage: s, flags: f,
		cells: make([]int32, c.cells)}
	return v.place(o, owner)
}

// maxArrayLength is what a Java short can count.
const maxArrayLength = 32767

func (v *VM) newArray(kind Kind, element *Class, n int, owner Instance, s Storage, f Flags) Ref {
	if n < 0 {
		v.throwNew(classNegativeArray, 0)
	}
	if n > maxArrayLength {
		v.throwNew(classSystemException, systemNoResource)
	}
	o := &object{kind: kind, class: element, storage: s, flags: f}
	if kind == BooleanArray || kind == ByteArray {
		o.setShared(zeros[:n:n])
	} else {
		o.cells = make([]int32, n)
	}
	return v.place(o, owner)
}

// place charges a new object to its memory and gives it a reference. It is one
// persistent write, of the header and, for persistent objects, the content.
func (v *VM) place(o *object, owner Instance) Ref {
	return v.placeIn(o, owner, v.contextOf(owner))
}

func (v *VM) placeIn(o *object, owner Instance, ctx Context) Ref {
	o.owner, o.ctx = owner, ctx
	o.reseal()
	if o.storage == ClearOnDeselect && owner != 0 && o.ctx != v.contextOf(v.selected) {
		v.throwNew(classSystemException, systemIllegalTransient)
	}
	if !o.isPlatform() { // what throwNew makes is never refused, or it would be thrown for ever
		if o.storage != Persistent && v.available(o.storage) < v.transientBytes(o) {
			v.throwNew(classSystemException, systemNoTransientSpace)
		}
		size := o.nvmBytes()
		if v.available(Persistent) < size || o.ram > 0 && v.available(ClearOnReset) < int(o.ram) {
			v.throwNew(classSystemException, systemNoResource)
		}
		v.install.enter(v, 0)
		v.countWrite(size)
	}
	r := v.allocateRef()
	v.heap.objects[r] = o
	v.charge(o, 1)
	if v.tx.open &&
		!o.isPlatform() { // what the runtime environment made for itself outlives an abort
		v.tx.created = append(v.tx.created, r)
	}
	return r
}

// isPlatform reports whether the object is part of the runtime environment's code and
// RAM: a temporary one, or an entry point object without persistent content.
func (o *object) isPlatform() bool {
	return o.flags&Temporary != 0 || o.flags&EntryPoint != 0 && o.storage != Persistent
}

func (o *object) nvmBytes() int {
	if o.isPlatform() {
		return 0
	}
	if o.storage == Persistent {
		return objectHeaderBytes + o.contentBytes()
	}
	return objectHeaderBytes
}

func (v *VM) charge(o *object, sign int) {
	h := &v.heap
	h.nvmBytes += sign * o.nvmBytes()
	h.corBytes += sign * int(o.ram)
	switch {
	case o.isPlatform():
	case o.storage == ClearOnReset:
		h.corBytes += sign * v.transientBytes(o)
	case o.storage == ClearOnDeselect:
		for int(o.ctx) >= len(h.codByCtx) {
			h.codByCtx = append(h.codByCtx, 0)
		}
		h.codByCtx[o.ctx] += sign * v.transientBytes(o)
	}
}

// transientBytes is what the content of a transient object takes of the card's RAM.
func (v *VM) transientBytes(o *object) int {
	unit := max(1, v.cfg.Limits.RAMUnit)
	return (o.contentBytes() + unit - 1) / unit * unit
}

// newEngine makes an instance of a native class that takes RAM by its algorithm.
func (v *VM) newEngine(c *Class, algorithm Value, owner Instance) Ref {
	o := &object{kind: InstanceObject, class: c, cells: make([]int32, c.cells),
		ram: v.engineRAM(c, algorithm)}
	return v.place(o, owner)
}

func (v *VM) engineRAM(c *Class, algorithm Value) uint16 {
	if v.cfg.EngineRAM == nil {
		return 0
	}
	return uint16(v.cfg.EngineRAM(c.name, algorithm))
}

// objectsAhead is for how many more objects, at least, the table of objects has room.
const objectsAhead = 32

func (v *VM) allocateRef() Ref {
	h := &v.heap
	if n := len(h.freeRefs); n > 0 {
		r := h.freeRefs[n-1]
		h.freeRefs = h.freeRefs[:n-1]
		return r
	}
	if n := len(h.objects); n == cap(h.objects) {
		// A card makes its objects once; thousands of cards have no room for twice as many.
		h.objects = append(make([]*object, 0, n+max(objectsAhead, n/8)), h.objects...)
	}
	h.objects = append(h.objects, nil)
	return Ref(len(h.objects) - 1)
}

// free gives an object's memory back. The caller knows that nothing refers to
// it. In a transaction, whose journal may, the object is left for Collect.
func (v *VM) free(r Ref) {
	o := v.object(r)
	if v.tx.open {
		return
	}
	v.charge(o, -1)
	v.heap.objects[r] = nil
	v.heap.freeRefs = append(v.heap.freeRefs, r)
}

// available returns the free bytes of a kind of memory.
func (v *VM) available(s Storage) int {
	h, lim := &v.heap, &v.cfg.Limits
	if s == Persistent {
		return max(0, lim.NVMBytes-h.nvmBytes-h.codeBytes)
	}
	used := v.transientTaken()
	if s == ClearOnDeselect {
		used = h.corBytes
		if int(v.contextOf(v.selected)) < len(h.codByCtx) {
			used += h.codByCtx[v.contextOf(v.selected)]
		}
	}
	return max(0, lim.RAMBytes-used)
}

// transientTaken is the RAM in use, with that of the context that takes most for
// CLEAR_ON_DESELECT.
func (v *VM) transientTaken() int {
	most := 0
	for _, n := range v.heap.codByCtx {
		most = max(most, n)
	}
	return v.heap.corBytes + most
}
