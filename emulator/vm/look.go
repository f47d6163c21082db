package vm

// Object is an object of the heap with its content, for tests that inspect memory.
type Object struct {
	Ref     Ref
	Owner   Instance
	Storage Storage
	Class   string // of an instance of an API class, such as "javacard/framework/OwnerPIN"; else ""
	Bytes   []byte // of a boolean or byte array; not to be changed
	Refs    []Ref  // the objects that it refers to
	Array   bool   // of any kind
	NVM     int    // bytes of persistent memory that it is charged
	RAM     int    // bytes of transient memory
}

// Look calls see with every object in the order of references. It may be called while
// no command runs.
func (v *VM) Look(see func(Object)) {
	for r, o := range v.heap.objects {
		if o == nil {
			continue
		}
		seen := Object{Ref: Ref(r), Owner: o.owner, Storage: o.storage, Bytes: o.bytes}
		seen.Array, seen.NVM, seen.RAM = o.isArray(), o.nvmBytes(), int(o.ram)
		if o.storage != Persistent && !o.isPlatform() {
			seen.RAM += v.transientBytes(o)
		}
		if o.kind == InstanceObject && o.class.pkg.native {
			seen.Class = o.class.name
		}
		o.eachReference(func(cell *int32) {
			if *cell != 0 {
				seen.Refs = append(seen.Refs, Ref(*cell))
			}
		})
		see(seen)
	}
}
