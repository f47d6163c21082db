package vm

// All changes of persistent memory are made in this file. Each change first passes
// VM.write, which counts it and is where power can be cut, then enters the journal if a
// transaction is open, and then takes effect.

// pageBytes is the unit in which a non-atomic copy is written.
const pageBytes = 64

// journalHeaderBytes is what an entry takes in the commit buffer beside the
// old content: object, offset and length.
const journalHeaderBytes = 4

// transaction is the journal of the open transaction.
type transaction struct {
	open    bool
	number  int // of this machine's transactions, from 1
	entries []journalEntry
	bytes   []byte  // old content of byte arrays, end to end
	cells   []int32 // old content of cells, end to end
	used    int     // bytes of the commit buffer
	created []Ref   // objects allocated since begin
	// references of objects deleted by an abort, reusable once no frame can hold them
	dead []Ref
}

type journalEntry struct {
	ref     Ref // 0 for a static field of package pkg
	pkg     int
	off, n  int
	inBytes bool // old content is in transaction.bytes, else in cells
}

// installJournal is what an Applet.install in progress has written and made.
type installJournal struct {
	open bool
	used int // bytes
}

// BeginInstall says that what is written and made from now on is Applet.install's, until
// EndInstall or a reset.
func (v *VM) BeginInstall() { v.install = installJournal{open: true} }

// EndInstall ends that. It returns how many bytes a journal of it would have taken.
func (v *VM) EndInstall() int {
	used := v.install.used
	v.install = installJournal{}
	return used
}

// enter adds n bytes to the journal of Applet.install. Throws
// TransactionException.BUFFER_FULL where it is full.
func (j *installJournal) enter(v *VM, n int) {
	if !j.open {
		return
	}
	j.used += journalHeaderBytes + n
	if limit := v.cfg.Limits.InstallBytes; limit > 0 && j.used > limit {
		v.throwNew(classTransaction, transactionBufferFull)
	}
}

// write is the door of persistent memory: it counts one write of n bytes, or
// cuts the power instead.
func (v *VM) write(n int) {
	v.install.enter(v, n)
	v.countWrite(n)
}

// countWrite is write, of what is in no journal: the content of a new object.
func (v *VM) countWrite(n int) {
	if v.cutIn > 0 {
		v.cutIn--
		if v.cutIn == 0 {
			v.powered = false
			panic(&PowerCut{Write: v.cutAt, At: v.here()})
		}
	}
	v.stats.Writes++
	v.stats.WrittenBytes += n
	if v.stats.operating {
		v.stats.OwnWrites++
	}
}

func (v *VM) reserve(n int) {
	v.tx.used += journalHeaderBytes + n
	if limit := v.cfg.Limits.CommitBytes; limit > 0 && v.tx.used > limit {
		v.tx.used -= journalHeaderBytes + n
		v.throwNew(classTransaction, transactionBufferFull)
	}
}

// journalBytes saves n bytes of array r before they change.
func (v *VM) journalBytes(r Ref, o *object, off, n int) {
	v.reserve(n)
	v.tx.entries = append(v.tx.entries, journalEntry{ref: r, off: off, n: n, inBytes: true})
	v.tx.bytes = append(v.tx.bytes, o.bytes[off:off+n]...)
}

func (v *VM) journalCells(r Ref, o *object, off, n, size int) {
	v.reserve(size)
	v.tx.entries = append(v.tx.entries, journalEntry{ref: r, off: off, n: n})
	v.tx.cells = append(v.tx.cells, o.cells[off:off+n]...)
}

// putBytes writes data, whose range the caller has checked.
func (v *VM) putBytes(r Ref, off int, data []byte) {
	o := v.object(r)
	v.checkIntegrity(o)
	if o.storage == Persistent {
		if v.tx.open {
			v.journalBytes(r, o, off, len(data))
		}
		v.write(len(data))
	}
	if v.probe.Write != nil {
		data = v.writtenBytes(r, o, off, data, true)
	}
	copy(o.written()[off:], data)
	o.reseal()
}

func (v *VM) putBytesOutside(r Ref, off int, data []byte) {
	o := v.object(r)
	v.checkIntegrity(o)
	if o.storage == Persistent {
		v.write(len(data))
	}
	if v.probe.Write != nil {
		data = v.writtenBytes(r, o, off, data, false)
	}
	if o.storage == Persistent {
		v.keepOnAbort(r, off, data)
	}
	copy(o.written()[off:], data)
	o.reseal()
}

func (v *VM) putBytesNonAtomic(r Ref, off int, data []byte) {
	o := v.object(r)
	if o.storage != Persistent {
		v.putBytesOutside(r, off, data)
		return
	}
	for len(data) > 0 {
		n := min(len(data), pageBytes-off%pageBytes)
		v.putBytesOutside(r, off, data[:n])
		off, data = off+n, data[n:]
	}
}

// keepOnAbort makes the journal restore data, not what was there at begin,
// where the open transaction has already saved the old content.
func (v *VM) keepOnAbort(r Ref, off int, data []byte) {
	at := 0
	for _, e := range v.tx.entries {
		if !e.inBytes {
			continue
		}
		if e.ref == r {
			from, to := max(e.off, off), min(e.off+e.n, off+len(data))
			if from < to {
				copy(v.tx.bytes[at+from-e.off:at+to-e.off], data[from-off:to-off])
			}
		}
		at += e.n
	}
}

// putCell writes one field slot, or one cell of a non-byte array.
func (v *VM) putCell(r Ref, i int, value int32) {
	o := v.heap.objects[r]
	v.checkIntegrity(o)
	if o.storage == Persistent {
		size := o.cellBytes()
		if v.tx.open {
			v.journalCells(r, o, i, 1, size)
		}
		v.write(size)
	}
	if v.probe.Write != nil {
		value = v.writtenCell(r, o, i, value, true)
	}
	o.cells[i] = value
	o.reseal()
}

// putTwoCells writes the halves of an int field in one write.
func (v *VM) putTwoCells(r Ref, i int, high, low int32) {
	o := v.heap.objects[r]
	if o.storage == Persistent {
		if v.tx.open {
			v.journalCells(r, o, i, 2, 4)
		}
		v.write(4)
	}
	if v.probe.Write != nil {
		old, value := joinInt(o.cells[i], o.cells[i+1]), joinInt(high, low)
		value = int32(v.written(v.elementAccess(r, o, i, 4), Value(old), Value(value), true))
		high, low = splitInt(value)
	}
	o.cells[i], o.cells[i+1] = high, low
}

func (v *VM) putCellOutside(r Ref, i int, value int32) {
	o := v.object(r)
	if o.storage == Persistent {
		v.write(o.cellBytes())
	}
	if v.probe.Write != nil {
		value = v.writtenCell(r, o, i, value, false)
	}
	if o.storage == Persistent {
		at := 0
		for _, e := range v.tx.entries {
			if e.inBytes {
				continue
			}
			if e.ref == r && i >= e.off && i < e.off+e.n {
				v.tx.cells[at+i-e.off] = value
			}
			at += e.n
		}
	}
	o.cells[i] = value
}

// putByte writes one element of a boolean or byte array.
func (v *VM) putByte(r Ref, o *object, i int, value byte) {
	v.checkIntegrity(o)
	if o.storage == Persistent {
		if v.tx.open {
			v.journalBytes(r, o, i, 1)
		}
		v.write(1)
	}
	if v.probe.Write != nil {
		a := v.elementAccess(r, o, i, 1)
		value = byte(v.written(a, Value(int8(o.bytes[i])), Value(int8(value)), true))
	}
	o.written()[i] = value
	o.reseal()
}

func (v *VM) putElement(r Ref, o *object, i int, value int32) {
	switch o.kind {
	case BooleanArray:
		v.putByte(r, o, i, byte(value&1))
	case ByteArray:
		v.putByte(r, o, i, byte(value))
	case ShortArray:
		v.putCell(r, i, int32(int16(value)))
	case RefArray:
		v.checkStorable(Ref(value))
		v.putCell(r, i, value)
	default:
		v.putCell(r, i, value)
	}
}

// putStatic writes a static field of one, two or four bytes.
func (v *VM) putStatic(p *Package, off, size int, value int32) {
	image := v.statics[p.index].image
	if v.tx.open {
		v.reserve(size)
		v.tx.entries = append(v.tx.entries,
			journalEntry{pkg: p.index, off: off, n: size, inBytes: true})
		v.tx.bytes = append(v.tx.bytes, image[off:off+size]...)
	}
	v.write(size)
	if v.probe.Write != nil {
		old, x := Value(bigEndian(image[off:off+size])), narrowed(Value(value), size)
		value = int32(v.written(v.staticAccess(p, off, size), old, x, true))
	}
	for i := size - 1; i >= 0; i-- {
		image[off+i] = byte(value)
		value >>= 8
	}
}

// putStaticRef writes a static field that holds a reference.
func (v *VM) putStaticRef(p *Package, i int, value int32) {
	refs := v.statics[p.index].refs
	if v.tx.open {
		v.reserve(2)
		v.tx.entries = append(v.tx.entries, journalEntry{pkg: p.index, off: i, n: 1})
		v.tx.cells = append(v.tx.cells, refs[i])
	}
	v.write(2)
	if v.probe.Write != nil {
		a := v.staticAccess(p, i*staticRefBytes, staticRefBytes)
		value = int32(v.written(a, Value(refs[i]), Value(value), true))
	}
	refs[i] = value
}

func (v *VM) beginTransaction() {
	if v.tx.open {
		v.throwNew(classTransaction, transactionInProgress)
	}
	v.tx.open = true
	v.tx.number++
}

func (v *VM) commitTransaction() {
	if !v.tx.open {
		v.throwNew(classTransaction, transactionNotInProgress)
	}
	v.write(1) // the commit mark
	v.forget()
}

func (v *VM) abortTransaction() {
	if !v.tx.open {
		v.throwNew(classTransaction, transactionNotInProgress)
	}
	v.rollBack()
}

func (v *VM) transactionDepth() int {
	if v.tx.open {
		return 1
	}
	return 0
}

func (v *VM) commitCapacity() (total, unused int) {
	total = v.cfg.Limits.CommitBytes
	if total == 0 {
		total = 1<<31 - 1
	}
	return total, total - v.tx.used
}

// forget empties the journal; its memory is kept for the next transaction.
func (v *VM) forget() {
	t := &v.tx
	t.open, t.used = false, 0
	t.entries, t.bytes, t.cells, t.created = t.entries[:0], t.bytes[:0], t.cells[:0], t.created[:0]
}

// rollBack restores what the journal holds, newest first. On a card it can be
// repeated after a cut until it is whole, so it has no cut of its own.
func (v *VM) rollBack() {
	t := &v.tx
	b, c := len(t.bytes), len(t.cells)
	for i := len(t.entries) - 1; i >= 0; i-- {
		e := t.entries[i]
		switch {
		case e.inBytes && e.ref == 0:
			b -= e.n
			copy(v.statics[e.pkg].image[e.off:], t.bytes[b:b+e.n])
		case e.inBytes:
			b -= e.n
			copy(v.heap.objects[e.ref].written()[e.off:], t.bytes[b:b+e.n])
			v.heap.objects[e.ref].reseal()
		case e.ref == 0:
			c -= e.n
			copy(v.statics[e.pkg].refs[e.off:], t.cells[c:c+e.n])
		default:
			c -= e.n
			copy(v.heap.objects[e.ref].cells[e.off:], t.cells[c:c+e.n])
			v.heap.objects[e.ref].reseal()
		}
	}
	v.deleteCreated()
	v.forget()
}

// deleteCreated deletes the objects of an aborted transaction and sets every
// reference to them, in whatever memory, to null (JCRE 3.0.5 §7.6.3).
func (v *VM) deleteCreated() {
	if len(v.tx.created) == 0 {
		return
	}
	gone := make(map[int32]bool, len(v.tx.created))
	for _, r := range v.tx.created {
		if v.heap.objects[r] != nil {
			gone[int32(r)] = true
			v.discard(r)
		}
	}
	v.forgetReferences(gone)
}

// discard removes an object; its reference is not used again until no frame can hold
// it.
func (v *VM) discard(r Ref) {
	v.charge(v.heap.objects[r], -1)
	v.heap.objects[r] = nil
	v.tx.dead = append(v.tx.dead, r)
}

func (v *VM) forgetReferences(gone map[int32]bool) {
	v.eachReference(func(cell *int32) {
		if gone[*cell] {
			*cell = 0
		}
	})
	for _, o := range v.heap.objects {
		if o != nil && o.kind == RefArray {
			o.reseal()
		}
	}
}
