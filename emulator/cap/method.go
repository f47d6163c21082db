package cap

// Methods is the Method component (JCVM 3.0.5 §6.10). Offsets everywhere in a
// CAP file count from the start of Content.
type Methods struct {
	Handlers []Handler
	Content  []byte // the component's content: handler table and methods
	First    int    // offset of the first method
}

// Handler is one entry of the exception handler table.
type Handler struct {
	Start     int // first instruction covered
	Length    int // bytes covered
	Stop      bool
	At        int // first instruction of the handler
	CatchType int // index of a class in the constant pool; 0 catches everything
}

// Method flags (table 6-13).
const (
	methodExtended = 0x8
	methodAbstract = 0x4
)

// MethodHeader is what precedes a method's bytecode (§6.10).
type MethodHeader struct {
	Abstract  bool
	MaxStack  int // cells
	Args      int // cells of the arguments, receiver included
	MaxLocals int // cells of the other locals
	Code      int // offset of the first instruction
}

func (m *Methods) contains(off int) bool { return off >= m.First && off < len(m.Content) }

// HeaderAt reads the method header at an offset; false if none fits there.
func (m *Methods) HeaderAt(off int) (MethodHeader, bool) {
	if !m.contains(off) || off+2 > len(m.Content) {
		return MethodHeader{}, false
	}
	b := m.Content[off:]
	flags := b[0] >> 4
	h := MethodHeader{Abstract: flags&methodAbstract != 0}
	if flags&^(methodExtended|methodAbstract) != 0 {
		return MethodHeader{}, false
	}
	if flags&methodExtended == 0 {
		h.MaxStack, h.Args, h.MaxLocals, h.Code = int(b[0]&15), int(b[1]>>4), int(b[1]&15), off+2
		return h, true
	}
	if len(b) < 4 {
		return MethodHeader{}, false
	}
	h.MaxStack, h.Args, h.MaxLocals, h.Code = int(b[1]), int(b[2]), int(b[3]), off+4
	return h, true
}

// handlerBytes is the size of an exception handler entry.
const handlerBytes = 8

func (f *File) parseMethod(r *reader) error {
	m := &Methods{Content: r.data}
	n := r.count(r.u1("handler count"), handlerBytes, "exception handlers")
	m.First = 1 + n*handlerBytes
	for i := 0; i < n; i++ {
		at := r.off
		h := Handler{Start: r.u2("handler start")}
		bits := r.u2("handler length")
		h.Stop, h.Length = bits&0x8000 != 0, bits&0x7FFF
		h.At, h.CatchType = r.u2("handler offset"), r.u2("catch type")
		switch {
		case !m.contains(h.Start) || h.Length == 0 || h.Start+h.Length > len(m.Content):
			r.failAt(at, "exception handler covers %d bytes from %d, which are not in the methods",
				h.Length, h.Start)
		case !m.contains(h.At):
			r.failAt(at, "exception handler is at %d, outside the methods", h.At)
		}
		m.Handlers = append(m.Handlers, h)
	}
	r.bytes(r.left(), "methods")
	f.Methods = m
	return r.end()
}
