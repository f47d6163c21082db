package vm

import (
	"encoding/binary"
	"hash/maphash"
)

// Fingerprint is a hash of what applets hold, one of each kind of memory: two states of a
// machine with the same fingerprint hold the same, two with different ones do not. It is good
// for one run of the program.
type Fingerprint struct {
	Persistent uint64
	Transient  uint64
}

var fingerprintSeed = maphash.MakeSeed()

// Fingerprint hashes the content of every object that an applet owns, and of static fields. What
// the runtime environment owns, such as the buffer for APDUs, does not count, nor do computations
// in progress. It may be called while no command runs.
func (v *VM) Fingerprint() Fingerprint {
	var persistent, transient maphash.Hash
	persistent.SetSeed(fingerprintSeed)
	transient.SetSeed(fingerprintSeed)
	for r, o := range v.heap.objects {
		if o == nil || o.owner == 0 {
			continue
		}
		h := &persistent
		if o.storage != Persistent {
			h = &transient
		}
		v.hashCells(h, int32(r), int32(len(o.cells)))
		_, _ = h.Write(o.bytes)
		v.hashCells(h, o.cells...)
	}
	for _, f := range v.statics {
		_, _ = persistent.Write(f.image)
		v.hashCells(&persistent, f.refs...)
	}
	return Fingerprint{persistent.Sum64(), transient.Sum64()}
}

func (v *VM) hashCells(h *maphash.Hash, cells ...int32) {
	v.cellBytes = v.cellBytes[:0]
	for _, c := range cells {
		v.cellBytes = binary.LittleEndian.AppendUint32(v.cellBytes, uint32(c))
	}
	_, _ = h.Write(v.cellBytes)
}
