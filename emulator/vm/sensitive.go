package vm

import (
	"encoding/binary"
	"hash/crc32"
)

// The integrity control element of a Sensitive array is the CRC-32 of its content. It
// is made anew whenever the machine writes to the array, and checked before: a change
// of the content that bypasses the machine's writes is detected then, or by
// CheckIntegrity.

// reseal makes the element fit the content.
func (o *object) reseal() {
	if o.flags&Sensitive != 0 {
		o.seal = o.checksum()
	}
}

func (o *object) checksum() uint32 {
	sum := crc32.ChecksumIEEE(o.bytes)
	var cell [4]byte
	for _, x := range o.cells {
		binary.BigEndian.PutUint32(cell[:], uint32(x))
		sum = crc32.Update(sum, crc32.IEEETable, cell[:])
	}
	return sum
}

func (v *VM) checkIntegrity(o *object) {
	if o.flags&Sensitive != 0 && o.seal != o.checksum() {
		v.throwNew(classSecurity, 0)
	}
}

// clearArray sets all elements to zero or null: one write, with its old content in the
// journal if a transaction is open.
func (v *VM) clearArray(r Ref, o *object) {
	if o.storage == Persistent {
		if v.tx.open && o.bytes != nil {
			v.journalBytes(r, o, 0, len(o.bytes))
		} else if v.tx.open {
			v.journalCells(r, o, 0, len(o.cells), o.contentBytes())
		}
		v.write(o.contentBytes())
	}
	if v.probe.Write == nil {
		o.clear()
		return
	}
	for i := range o.cells {
		o.cells[i] = v.writtenCell(r, o, i, 0, true)
	}
	if len(o.bytes) > 0 {
		copy(o.written(), v.writtenBytes(r, o, 0, make([]byte, len(o.bytes)), true))
	}
	o.reseal()
}

// newGlobalArray allocates an array of the runtime environment for the command in
// progress. Its content counts as CLEAR_ON_RESET memory.
func (v *VM) newGlobalArray(kind Kind, element *Class, n int) Ref {
	if n < 0 {
		v.throwNew(classNegativeArray, 0)
	}
	probe := object{kind: kind}
	if size := n * probe.elementBytes(); v.available(ClearOnReset) < size {
		v.throwNew(classSystemException, systemNoTransientSpace)
	}
	r := v.newArray(kind, element, n, 0, ClearOnReset, GlobalArray|Temporary)
	v.heap.corBytes += v.heap.objects[r].contentBytes()
	v.heap.globals = append(v.heap.globals, r)
	return r
}

// elementBytes is what an element takes on a card.
func (o *object) elementBytes() int {
	if o.kind == BooleanArray || o.kind == ByteArray {
		return 1
	}
	return o.cellBytes()
}

// releaseGlobals frees the global arrays of the command that ended: no field or array
// can hold them.
func (v *VM) releaseGlobals() {
	for _, r := range v.heap.globals {
		v.heap.corBytes -= v.heap.objects[r].contentBytes()
		v.heap.objects[r] = nil
		v.heap.freeRefs = append(v.heap.freeRefs, r)
	}
	v.heap.globals = v.heap.globals[:0]
}
