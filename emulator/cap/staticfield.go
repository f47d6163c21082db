package cap

// StaticFields is the StaticField component (JCVM 3.0.5 §6.11). The image has
// two bytes for each reference, first those of initialized arrays, then
// DefaultBytes of zero, then NonDefault.
type StaticFields struct {
	ImageSize    int
	References   int
	Arrays       []ArrayInit
	DefaultBytes int
	NonDefault   []byte
}

// ArrayInit is the initial content of a static array of a primitive type.
type ArrayInit struct {
	Type   ArrayType
	Values []byte // big endian
}

// ArrayType is the element type of an initialized array.
type ArrayType int

// Element types (table 6-16).
const (
	ArrayOfBoolean ArrayType = 2
	ArrayOfByte    ArrayType = 3
	ArrayOfShort   ArrayType = 4
	ArrayOfInt     ArrayType = 5
)

// ElementBytes is the size of an element in Values.
func (t ArrayType) ElementBytes() int {
	switch t {
	case ArrayOfShort:
		return 2
	case ArrayOfInt:
		return 4
	default:
		return 1
	}
}

func (f *File) parseStaticField(r *reader) error {
	s := &StaticFields{ImageSize: r.u2("image size"), References: r.u2("reference count")}
	at := r.off
	n := r.u2("array initialization count")
	if n > s.References {
		r.failAt(at, "%d initialized arrays, but only %d references", n, s.References)
	}
	for i := 0; i < n && r.err == nil; i++ {
		at := r.off
		a := ArrayInit{Type: ArrayType(r.u1("array type"))}
		if r.err == nil && (a.Type < ArrayOfBoolean || a.Type > ArrayOfInt) {
			r.failAt(at, "array type %d, must be 2 to 5", a.Type)
		}
		at = r.off
		a.Values = r.bytes(r.u2("array size"), "array values")
		if len(a.Values)%a.Type.ElementBytes() != 0 {
			r.failAt(at, "array of %d bytes is no multiple of its element size", len(a.Values))
		}
		s.Arrays = append(s.Arrays, a)
	}
	s.DefaultBytes = r.u2("default value count")
	s.NonDefault = r.bytes(r.u2("non-default value count"), "non-default values")
	if sum := 2*s.References + s.DefaultBytes + len(s.NonDefault); r.err == nil &&
		sum != s.ImageSize {
		r.failAt(0, "image is declared as %d bytes, its parts make %d", s.ImageSize, sum)
	}
	if d := f.Directory; r.err == nil &&
		(d.StaticImageSize != s.ImageSize || d.ArrayInitCount != len(s.Arrays)) {
		r.failAt(0, "image of %d bytes and %d arrays, the directory says %d and %d",
			s.ImageSize, len(s.Arrays), d.StaticImageSize, d.ArrayInitCount)
	}
	f.Statics = s
	return r.end()
}
