package cap

// RefLocation is the ReferenceLocation component (JCVM 3.0.5 §6.12): where in the
// Method component, handler table included, constant pool indices of one and two bytes
// are.
type RefLocation struct {
	Byte  []int // offsets in Methods.Content, ascending
	Byte2 []int
}

func (f *File) parseReferenceLocation(r *reader) error {
	l := &RefLocation{}
	l.Byte = f.locations(r, 1)
	l.Byte2 = f.locations(r, 2)
	f.RefLocation = l
	return r.end()
}

// farther stands for a distance of which it is only a part (§6.12).
const farther = 255

// locations reads the distances from one index to the next.
func (f *File) locations(r *reader, width int) []int {
	deltas := r.u1s(r.u2("index count"), "index distances")
	var list []int
	at := 0
	for i, d := range deltas {
		at += d
		if d == farther {
			continue
		}
		if at == 0 || at+width > len(f.Methods.Content) {
			r.failAt(r.off-len(deltas)+i, "constant pool index at %d, outside the Method component",
				at)
			return nil
		}
		list = append(list, at)
	}
	return list
}
