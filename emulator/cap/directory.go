package cap

// Directory is the Directory component (JCVM 3.0.5 §6.5).
type Directory struct {
	Sizes           [tagLast + 1]int // of each component, without tag and size
	StaticImageSize int
	ArrayInitCount  int
	ArrayInitSize   int
	ImportCount     int
	AppletCount     int
}

// sizesIn21 is how many sizes a directory of format 2.1 lists: all but Debug.
const sizesIn21 = int(TagDescriptor)

func (f *File) parseDirectory(r *reader) error {
	d := &Directory{}
	n := int(tagLast)
	if f.Header.FormatMinor == 1 {
		n = sizesIn21
	}
	for t := Tag(1); int(t) <= n; t++ {
		at := r.off
		d.Sizes[t] = r.u2("component size")
		if r.err != nil {
			break
		}
		have := len(f.raw[t])
		// a load file may leave them out
		optional := have == 0 && (t == TagDescriptor || t == TagDebug)
		if !optional && d.Sizes[t] != max(0, have-componentHeaderBytes) {
			r.failAt(at, "declares %d bytes for component %s, it has %d", d.Sizes[t], t,
				max(0, have-componentHeaderBytes))
		}
	}
	d.StaticImageSize = r.u2("static image size")
	d.ArrayInitCount = r.u2("array initialization count")
	d.ArrayInitSize = r.u2("array initialization size")
	d.ImportCount = r.u1("import count")
	d.AppletCount = r.u1("applet count")
	for custom := r.u1("custom component count"); custom > 0 && r.err == nil; custom-- {
		at := r.off
		if t := Tag(r.u1("custom component tag")); r.err == nil && t < tagCustomFirst {
			r.failAt(at, "custom component has tag %d, must be at least %d", byte(t),
				byte(tagCustomFirst))
		}
		r.u2("custom component size")
		r.aid("custom component AID")
	}
	f.Directory = d
	return r.end()
}
