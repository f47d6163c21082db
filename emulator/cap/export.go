package cap

// ClassExport is one entry of the Export component (JCVM 3.0.5 §6.13); its
// index is the class token.
type ClassExport struct {
	ClassOffset   int   // in the Class component's content
	StaticFields  []int // offsets in the static image, by token
	StaticMethods []int // offsets in the Method component's content, by token
}

func (f *File) parseExport(r *reader) error {
	n := r.u1("class count")
	if r.err == nil && n == 0 {
		r.failAt(0, "class count is 0; the component must then be left out")
	}
	for i := 0; i < n && r.err == nil; i++ {
		at := r.off
		e := ClassExport{ClassOffset: r.u2("class offset")}
		fields, methods := r.u1("static field count"), r.u1("static method count")
		e.StaticFields = r.u2s(fields, "static field offsets")
		e.StaticMethods = r.u2s(methods, "static method offsets")
		if r.err == nil && f.Classes.At(e.ClassOffset) == nil {
			r.failAt(at, "exports a class at %d, where none starts", e.ClassOffset)
		}
		for _, off := range e.StaticFields {
			if off >= f.Statics.ImageSize {
				r.failAt(at, "exports a static field at %d, outside the image", off)
			}
		}
		for _, off := range e.StaticMethods {
			if !f.Methods.contains(off) {
				r.failAt(at, "exports a static method at %d, outside the methods", off)
			}
		}
		f.Exports = append(f.Exports, e)
	}
	return r.end()
}
