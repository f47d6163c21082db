package cap

import "fmt"

// Error describes what is wrong with a CAP file and where.
type Error struct {
	Component string // "Method"; empty if the archive itself is wrong
	// byte offset in the component, its tag being byte 0; -1 for the component as a whole
	Offset int
	What   string
}

func (e *Error) Error() string {
	switch {
	case e.Component == "":
		return "CAP file: " + e.What
	case e.Offset < 0:
		return fmt.Sprintf("CAP file, component %s: %s", e.Component, e.What)
	default:
		return fmt.Sprintf("CAP file, component %s, offset %d: %s", e.Component, e.Offset, e.What)
	}
}

// componentHeaderBytes is the tag and the size before a component's content.
const componentHeaderBytes = 3

// reader takes a component apart. The first thing that goes wrong stays in
// err; everything read after it is zero.
type reader struct {
	component string
	data      []byte // content, without tag and size
	off       int
	err       *Error
}

func (r *reader) fail(format string, args ...any) {
	r.failAt(r.off, format, args...)
}

func (r *reader) failAt(off int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{r.component, off + componentHeaderBytes, fmt.Sprintf(format, args...)}
	}
}

func (r *reader) left() int { return len(r.data) - r.off }

func (r *reader) bytes(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.left() {
		r.fail("%s needs %d bytes, %d are left", what, n, r.left())
		return nil
	}
	b := r.data[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

func (r *reader) u1(what string) int {
	b := r.bytes(1, what)
	if b == nil {
		return 0
	}
	return int(b[0])
}

func (r *reader) u2(what string) int {
	b := r.bytes(2, what)
	if b == nil {
		return 0
	}
	return int(b[0])<<8 | int(b[1])
}

// count reads nothing: it checks that n items of at least size bytes can
// still follow, before anything is allocated for them.
func (r *reader) count(n, size int, what string) int {
	if r.err == nil && n*size > r.left() {
		r.fail("%d %s need at least %d bytes, %d are left", n, what, n*size, r.left())
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *reader) u2s(n int, what string) []int {
	n = r.count(n, 2, what)
	list := make([]int, n)
	for i := range list {
		list[i] = r.u2(what)
	}
	return list
}

func (r *reader) u1s(n int, what string) []int {
	n = r.count(n, 1, what)
	list := make([]int, n)
	for i := range list {
		list[i] = r.u1(what)
	}
	return list
}

// aid reads a length and an AID of 5 to 16 bytes (ISO/IEC 7816-4 §8.2.1.2).
func (r *reader) aid(what string) []byte {
	at := r.off
	n := r.u1(what + " length")
	if r.err == nil && (n < 5 || n > 16) {
		r.failAt(at, "%s is %d bytes long, must be 5 to 16", what, n)
	}
	return r.bytes(n, what)
}

// end checks that the component holds nothing more.
func (r *reader) end() error {
	if r.err == nil && r.left() != 0 {
		r.fail("%d bytes left over at the end", r.left())
	}
	if r.err != nil {
		return r.err
	}
	return nil
}
