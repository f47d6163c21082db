package cap

// ConstantKind is the tag of a constant pool entry (JCVM 3.0.5 §6.8, table 6-5).
type ConstantKind int

// The kinds of constant.
const (
	ConstClass         ConstantKind = 1
	ConstInstanceField ConstantKind = 2
	ConstVirtualMethod ConstantKind = 3
	ConstSuperMethod   ConstantKind = 4
	ConstStaticField   ConstantKind = 5
	ConstStaticMethod  ConstantKind = 6
)

// String names the kind as the specification does.
func (k ConstantKind) String() string {
	switch k {
	case ConstClass:
		return "Classref"
	case ConstInstanceField:
		return "InstanceFieldref"
	case ConstVirtualMethod:
		return "VirtualMethodref"
	case ConstSuperMethod:
		return "SuperMethodref"
	case ConstStaticField:
		return "StaticFieldref"
	case ConstStaticMethod:
		return "StaticMethodref"
	}
	return "unknown constant"
}

// Constant is one constant pool entry. For a class, an instance field or a virtual or
// super method, Class names the class and Token the member. A static member is External
// with Package, ClassToken and Token, or is at Offset in the static image or the Method
// component.
type Constant struct {
	Kind       ConstantKind
	Class      ClassRef
	Token      int
	External   bool // of static members
	Package    int
	ClassToken int
	Offset     int
}

// ClassRef refers to a class of this file or of an imported package.
type ClassRef struct {
	External bool
	Offset   int // in the Class component's content, if not External
	Package  int // index in Imports, if External
	Token    int // class token there, if External
}

const externalBit = 0x80

func (r *reader) classRef(f *File, what string) ClassRef {
	at := r.off
	v := r.u2(what)
	if r.err != nil {
		return ClassRef{}
	}
	if v>>8&externalBit == 0 {
		return ClassRef{Offset: v}
	}
	c := ClassRef{External: true, Package: v >> 8 &^ externalBit, Token: v & 0xFF}
	if c.Package >= len(f.Imports) {
		r.failAt(at, "%s refers to imported package %d of %d", what, c.Package, len(f.Imports))
	}
	return c
}

// constantBytes is the size of every constant pool entry.
const constantBytes = 4

func (f *File) parseConstantPool(r *reader) error {
	n := r.count(r.u2("constant count"), constantBytes, "constants")
	f.Constants = make([]Constant, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		f.Constants = append(f.Constants, f.constant(r))
	}
	return r.end()
}

func (f *File) constant(r *reader) Constant {
	at := r.off
	c := Constant{Kind: ConstantKind(r.u1("constant tag"))}
	switch c.Kind {
	case ConstClass:
		c.Class = r.classRef(f, "class reference")
		r.u1("padding")
		f.checkClass(r, at, c.Class)
	case ConstInstanceField, ConstVirtualMethod, ConstSuperMethod:
		c.Class = r.classRef(f, "class reference")
		c.Token = r.u1("token")
		f.checkClass(r, at, c.Class)
	case ConstStaticField, ConstStaticMethod:
		b := r.bytes(3, "static reference")
		if b == nil {
			return c
		}
		if b[0]&externalBit != 0 {
			c.External, c.Package, c.ClassToken, c.Token = true, int(b[0]&^externalBit), int(b[1]),
				int(b[2])
			if c.Package >= len(f.Imports) {
				r.failAt(at, "refers to imported package %d of %d", c.Package, len(f.Imports))
			}
			return c
		}
		c.Offset = int(b[1])<<8 | int(b[2])
		if c.Kind == ConstStaticField && c.Offset >= f.Statics.ImageSize {
			r.failAt(at, "static field at %d, outside the image of %d bytes", c.Offset,
				f.Statics.ImageSize)
		}
		if c.Kind == ConstStaticMethod && !f.Methods.contains(c.Offset) {
			r.failAt(at, "static method at %d, outside the methods", c.Offset)
		}
	default:
		r.failAt(at, "constant tag %d, must be 1 to 6", int(c.Kind))
	}
	return c
}

func (f *File) checkClass(r *reader, at int, c ClassRef) {
	if r.err == nil && !c.External && f.Classes.At(c.Offset) == nil {
		r.failAt(at, "refers to a class at %d, where none starts", c.Offset)
	}
}
