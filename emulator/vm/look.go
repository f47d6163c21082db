package vm

// Object is an object of the heap with its content, for tests and tools that inspect memory.
type Object struct {
	Ref     Ref
	Owner   Instance
	Storage Storage
	Class   string // of an instance of an API class, such as "javacard/framework/OwnerPIN"; else ""
	Kind    Kind
	Flags   Flags
	Type    *Class  // of an instance; of a reference array that of its elements
	Bytes   []byte  // of a boolean or byte array; not to be changed
	Cells   []int32 // of anything else, an int field in two; not to be changed
	Refs    []Ref   // the objects that it refers to
	Array   bool    // of any kind
	NVM     int     // bytes of persistent memory that it is charged
	RAM     int     // bytes of transient memory
}

// Look calls see with every object in the order of references. It may be called while
// no command runs, and in a probe's function.
func (v *VM) Look(see func(Object)) {
	for r, o := range v.heap.objects {
		if o == nil {
			continue
		}
		seen := Object{Ref: Ref(r), Owner: o.owner, Storage: o.storage, Bytes: o.bytes}
		seen.Kind, seen.Flags, seen.Type, seen.Cells = o.kind, o.flags, o.class, o.cells
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

// LookStatic calls see with the static fields of every package that has some: those of
// primitive types by their offset in the image, references by half of it. Nothing of them may
// be changed. It may be called when Look may.
func (v *VM) LookStatic(see func(p *Package, image []byte, references []int32)) {
	for i, p := range v.packages {
		if f := &v.statics[i]; p != nil && !p.native && len(f.image)+len(f.refs) > 0 {
			see(p, f.image, f.refs)
		}
	}
}
