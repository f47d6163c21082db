package cap

// Descriptor is the Descriptor component (JCVM 3.0.5 §6.14): the types of what
// the other components hold. A card needs none of it.
type Descriptor struct {
	Classes []ClassDescriptor

	constantTypes [][]byte // nibbles of each constant's type; nil for a class
}

// ClassDescriptor describes a class or interface.
type ClassDescriptor struct {
	Token   int // 0xFF if not exported
	Offset  int // in the Class component's content
	Fields  []FieldDescriptor
	Methods []MethodDescriptor
}

// FieldDescriptor describes a field.
type FieldDescriptor struct {
	Token     int
	Static    bool
	Offset    int  // of a static field, in the image
	Primitive int  // 2 boolean, 3 byte, 4 short, 5 int; 0 for a reference
	Reference bool // the type is a class, interface or array
}

// MethodDescriptor describes a method.
type MethodDescriptor struct {
	Token     int
	Static    bool
	Abstract  bool
	Interface bool // declared by an interface: has no place in the Method component
	Offset    int  // of its header in the Method component's content
	CodeBytes int
}

// Access flags of fields and methods (tables 6-19 and 6-21).
const (
	accessStatic   = 0x08
	accessAbstract = 0x40

	fieldBytes  = 7
	methodBytes = 12

	primitiveBit = 0x8000
)

func (f *File) parseDescriptor(r *reader) error {
	d := &Descriptor{}
	f.Descriptor = d
	for n := r.u1("class count"); n > 0 && r.err == nil; n-- {
		d.Classes = append(d.Classes, f.classDescriptor(r))
	}
	f.typeDescriptors(r)
	return r.end()
}

func (f *File) classDescriptor(r *reader) ClassDescriptor {
	at := r.off
	c := ClassDescriptor{Token: r.u1("class token")}
	r.u1("class flags")
	this := r.classRef(f, "class")
	c.Offset = this.Offset
	class := f.Classes.At(this.Offset)
	if r.err == nil && (this.External || class == nil) {
		r.failAt(at, "describes a class at %d, where none starts", this.Offset)
	}
	interfaces, fields, methods := r.u1("interface count"), r.u2("field count"),
		r.u2("method count")
	for ; interfaces > 0 && r.err == nil; interfaces-- {
		r.classRef(f, "interface")
	}
	for fields = r.count(fields, fieldBytes, "fields"); fields > 0 && r.err == nil; fields-- {
		c.Fields = append(c.Fields, f.fieldDescriptor(r))
	}
	for methods = r.count(methods, methodBytes, "methods"); methods > 0 && r.err == nil; methods-- {
		c.Methods = append(c.Methods, f.methodDescriptor(r, class.Interface))
	}
	return c
}

func (f *File) fieldDescriptor(r *reader) FieldDescriptor {
	d := FieldDescriptor{Token: r.u1("field token")}
	d.Static = r.u1("field flags")&accessStatic != 0
	where := r.bytes(3, "field reference")
	if d.Static && where != nil {
		d.Offset = int(where[1])<<8 | int(where[2])
	}
	if t := r.u2("field type"); t&primitiveBit != 0 {
		d.Primitive = t &^ primitiveBit
	} else {
		d.Reference = true
	}
	return d
}

func (f *File) methodDescriptor(r *reader, inInterface bool) MethodDescriptor {
	at := r.off
	d := MethodDescriptor{Token: r.u1("method token"), Interface: inInterface}
	flags := r.u1("method flags")
	d.Static, d.Abstract = flags&accessStatic != 0, flags&accessAbstract != 0
	d.Offset = r.u2("method offset")
	r.u2("type offset")
	d.CodeBytes = r.u2("bytecode count")
	handlers, first := r.u2("handler count"), r.u2("handler index")
	switch {
	case r.err != nil || inInterface:
	case !f.Methods.contains(d.Offset):
		r.failAt(at, "describes a method at %d, outside the methods", d.Offset)
	case first+handlers > len(f.Methods.Handlers) && handlers > 0:
		r.failAt(at, "describes handlers %d to %d of %d", first, first+handlers-1,
			len(f.Methods.Handlers))
	default:
		h, ok := f.Methods.HeaderAt(d.Offset)
		if !ok || h.Code+d.CodeBytes > len(f.Methods.Content) {
			r.failAt(at, "describes %d bytes of code at %d, which the methods do not have",
				d.CodeBytes, d.Offset)
		}
	}
	return d
}

// typeDescriptors reads the type table (§6.14): an offset for each constant
// into a list of nibble strings.
func (f *File) typeDescriptors(r *reader) {
	base := r.off
	at := r.off
	n := r.u2("constant count")
	if r.err == nil && n != len(f.Constants) {
		r.failAt(at, "gives types to %d constants, there are %d", n, len(f.Constants))
	}
	offsets := r.u2s(n, "constant types")
	types := map[int][]byte{}
	for r.err == nil && r.left() > 0 {
		start := r.off - base
		count := r.u1("nibble count")
		types[start] = nibbles(r.bytes((count+1)/2, "type descriptor"), count)
	}
	for i, off := range offsets {
		if r.err == nil && off != noType && types[off] == nil {
			r.failAt(base+2+2*i, "type of constant %d at %d, where none starts", i, off)
		}
		f.Descriptor.constantTypes = append(f.Descriptor.constantTypes, types[off])
	}
}

// noType marks a constant without a type, a class.
const noType = 0xFFFF
