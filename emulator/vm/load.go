package vm

import (
	"fmt"
	"slices"

	"ekrona.example/emulator/cap"
)

// Load links a CAP file and keeps it on the card. An import that the card
// lacks is an error that names it; a CAP file that is there already, or that
// does not fit into persistent memory, is an error too.
func (v *VM) Load(f *cap.File) (*Package, error) {
	aid := f.Header.Package.AID
	if v.PackageByAID(aid) != nil {
		return nil, fmt.Errorf("package %X is on the card already; delete it first", aid)
	}
	context, full := v.freeContext()
	p, err := v.link(f, v.freeIndex(), context)
	if err != nil {
		return nil, err
	}
	if size := p.CodeBytes(); v.available(Persistent) < size {
		return nil, fmt.Errorf("package %s needs %d bytes of persistent memory, %d are free",
			p.name, size, v.available(Persistent))
	}
	if full != nil {
		return nil, full
	}
	v.keep(p)
	err = v.Enter(func(*Call) {
		v.write(p.CodeBytes())
		v.initStatics(p)
	})
	if err != nil {
		v.deleteOwned(func(o *object) bool { return o.ctx == p.context })
		v.drop(p)
		v.releaseDead()
		return nil, err
	}
	v.heap.codeBytes += p.CodeBytes()
	return p, nil
}

// freeIndex is the place of the next package in the tables.
func (v *VM) freeIndex() int {
	if i := slices.Index(v.packages, nil); i >= 0 {
		return i
	}
	return len(v.packages)
}

// keep enters a linked package into the tables, with static fields of zero and null.
func (v *VM) keep(p *Package) {
	for p.index >= len(v.packages) {
		v.packages, v.statics = append(v.packages, nil), append(v.statics, staticFields{})
	}
	v.packages[p.index] = p
	v.statics[p.index] = staticFields{make([]byte, p.file.Statics.ImageSize),
		make([]int32, p.file.Statics.References)}
}

// drop takes a package out of the tables.
func (v *VM) drop(p *Package) { v.packages[p.index], v.statics[p.index] = nil, staticFields{} }

// CodeBytes is what a package takes of persistent memory: the components that
// a card keeps (JCVM 3.0.5 §6.3), static fields included.
func (p *Package) CodeBytes() int {
	n := p.file.Statics.ImageSize
	for _, t := range []cap.Tag{cap.TagApplet, cap.TagImport, cap.TagConstantPool, cap.TagClass,
		cap.TagMethod, cap.TagExport} {
		n += len(p.file.Component(t))
	}
	return n
}

func (v *VM) freeContext() (Context, error) {
	used := map[Context]bool{0: true}
	for _, p := range v.packages {
		if p != nil {
			used[p.context] = true
		}
	}
	for c := 1; c <= maxContexts; c++ {
		if !used[Context(c)] {
			return Context(c), nil
		}
	}
	return 0, fmt.Errorf("the card holds %d packages, which is all it can; delete one first",
		maxContexts)
}

// maxContexts is how many packages a Context can number.
const maxContexts = 255

// initStatics gives the static fields their first values (JCVM 3.0.5 §6.11).
func (v *VM) initStatics(p *Package) {
	s, fields := p.file.Statics, v.statics[p.index]
	for i, a := range s.Arrays {
		kind, size := arrayKindOf(a.Type), a.Type.ElementBytes()
		o := &object{kind: kind, storage: Persistent, ctx: p.context}
		if kind == BooleanArray || kind == ByteArray {
			o.setShared(a.Values[:len(a.Values):len(a.Values)])
		} else {
			o.cells = make([]int32, len(a.Values)/size)
			for j := range o.cells {
				o.cells[j] = bigEndian(a.Values[j*size : (j+1)*size])
			}
		}
		fields.refs[i] = int32(v.placeIn(o, 0, p.context))
	}
	copy(fields.image[len(fields.image)-len(s.NonDefault):], s.NonDefault)
}

func arrayKindOf(t cap.ArrayType) Kind { return BooleanArray + Kind(t-cap.ArrayOfBoolean) }

// bigEndian reads one, two or four bytes as a signed number.
func bigEndian(b []byte) int32 {
	x := int32(int8(b[0]))
	for _, next := range b[1:] {
		x = x<<8 | int32(next)
	}
	return x
}

// DeletePackage removes a package (JCRE 3.0.5 §11.3.4.2). It refuses while applet
// instances, other packages or objects need it. One persistent write.
func (v *VM) DeletePackage(p *Package) error {
	if p.native || p.index >= len(v.packages) || v.packages[p.index] != p {
		return fmt.Errorf("package %s is not one that can be deleted", p.name)
	}
	for _, i := range v.Instances() {
		if i.Package == p {
			return fmt.Errorf("package %s has applet instance %d; delete that first", p.name, i.ID)
		}
	}
	for _, other := range v.packages {
		if other == nil {
			continue
		}
		for _, i := range other.imports {
			if i == p {
				return fmt.Errorf("package %s is imported by %s; delete that first", p.name,
					other.name)
			}
		}
	}
	for _, o := range v.heap.objects {
		if o != nil && o.class != nil && o.class.pkg == p && o.ctx != p.context {
			return fmt.Errorf("an object of package %s still exists; delete its owner first",
				p.name)
		}
	}
	if err := v.Enter(func(*Call) { v.write(1) }); err != nil {
		return err
	}
	v.heap.codeBytes -= p.CodeBytes()
	v.drop(p)
	v.deleteOwned(func(o *object) bool { return o.ctx == p.context && o.owner == 0 })
	v.releaseDead()
	return nil
}
