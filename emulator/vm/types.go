package vm

import (
	"fmt"
	"strings"

	"ekrona.example/emulator/cap"
)

// Context is a firewall context: 0 for the runtime environment, else one for
// each package (JCRE 3.0.5 §6.1.1).
type Context uint8

// Package is a linked CAP file or a native package. It does not change once it is linked, as
// the machines of many cards may share it.
type Package struct {
	index        int // position in VM.packages and VM.statics
	name         string
	aid          []byte
	major, minor byte
	native       bool
	absent       string // why a CAP file must not import it; "" if it may
	classes      []*Class
	byToken      map[byte]*Class // exported classes
	pool         []constant
	context      Context
	file         *cap.File // nil for native packages
	imports      []*Package
	applets      []appletEntry
	methods      map[int]*Method // by offset of their header
}

// staticFields are a card's static fields of one package.
type staticFields struct {
	image []byte  // those of primitive types, by offset in the image
	refs  []int32 // those that hold references, by half their offset
}

// AID returns the package's AID.
func (p *Package) AID() []byte { return append([]byte(nil), p.aid...) }

// Name returns the package's name with slashes, or its AID in hex where the
// CAP file does not name it.
func (p *Package) Name() string { return p.name }

// Version returns the package's version.
func (p *Package) Version() (major, minor byte) { return p.major, p.minor }

// Native reports whether this is an API package.
func (p *Package) Native() bool { return p.native }

// Class is a linked class or interface.
type Class struct {
	name       string
	pkg        *Package
	super      *Class
	isIface    bool
	shareable  bool
	abstract   bool
	supers     []*Class // of an interface: all superinterfaces, direct or not
	cells      int      // cells of an instance, superclasses included
	base       int      // cells of the superclass
	refSlots   []int    // cells that hold references, superclasses included
	vtable     []*Method
	pvtable    []*Method // package-visible virtual methods (JCVM 3.0.5 §6.9)
	itable     []implementation
	declared   []*Method // of a native class: as in its table
	isRef      []bool    // by cell: holds a reference
	statics    map[byte]*Method
	fields     []int    // static fields exported to other packages: offsets in the image, by token
	hidden     []string // names of the own fields of a native class
	reasonSlot int      // hidden field with a reason code, or -1
}

// implementation maps the method tokens of an interface to virtual methods.
type implementation struct {
	iface *Class
	slots []int // in the vtable, by interface method token
}

// Name returns the full name of the class.
func (c *Class) Name() string { return c.name }

// extends reports whether c is d, a subclass of d or an implementer of d.
func (c *Class) extends(d *Class) bool {
	if d.isIface {
		if c == d {
			return true
		}
		for _, s := range c.supers {
			if s == d {
				return true
			}
		}
		for k := c; k != nil; k = k.super {
			for i := range k.itable {
				if k.itable[i].iface == d {
					return true
				}
			}
		}
		return false
	}
	for ; c != nil; c = c.super {
		if c == d {
			return true
		}
	}
	return false
}

// implementing returns the method of class c for a token of interface d, or nil.
func (c *Class) implementing(d *Class, token int) *Method {
	for k := c; k != nil; k = k.super {
		for i := range k.itable {
			if k.itable[i].iface == d {
				slots := k.itable[i].slots
				if token >= len(slots) || slots[token] >= len(c.vtable) {
					return nil
				}
				return c.vtable[slots[token]]
			}
		}
	}
	return nil
}

// instanceOf reports whether the object is of class or interface d; every
// object is a java.lang.Object.
func (o *object) instanceOf(d *Class) bool {
	if o.kind != InstanceObject {
		return d.super == nil && !d.isIface
	}
	return o.class.extends(d)
}

// assignableTo reports whether an array of c may be seen as an array of d.
func (c *Class) assignableTo(d *Class) bool {
	return d.super == nil && !d.isIface || c.extends(d)
}

// dispatch is how a Method is called.
type dispatch uint8

const (
	direct    dispatch = iota // static method or constructor
	virtual                   // by vtable index
	ifaceCall                 // by interface and token
)

// Method is a method of a CAP file or of a native class.
type Method struct {
	pkg       *Package
	class     *Class // nil where a CAP file does not name it
	name      string
	desc      string
	dispatch  dispatch
	isStatic  bool
	token     int     // in the numbering of its kind
	argCells  []uint8 // of a method with a descriptor: cell of each argument, from the receiver
	args      int     // cells of all arguments, receiver included
	result    resultKind
	native    Native
	abstract  bool
	code      []byte // method component up to the end of this method
	start     int    // first instruction
	maxStack  int
	maxLocals int // beside the arguments
	handlers  []handler

	returnSites []int  // instructions after a jsr
	starts      []byte // a bit for each byte from start on: an instruction starts there

	source string     // file, from the Debug component
	lines  []cap.Line // counted from start
}

type resultKind uint8

const (
	resultVoid resultKind = iota
	resultCell            // boolean, byte, short or reference
	resultInt
)

// handler is one exception handler (JCVM 3.0.5 §6.10.1).
type handler struct {
	from, to int // program counters covered: [from, to)
	at       int
	catch    *Class // nil: anything
	last     bool   // no further handler of this method covers the same range
}

// String names the method in messages.
func (m *Method) String() string {
	switch {
	case m == nil:
		return "runtime environment"
	case m.name != "" && m.class != nil:
		return m.class.name + "." + m.name
	case m.class != nil:
		return fmt.Sprintf("%s.method@%d", m.class.name, m.start)
	default:
		return fmt.Sprintf("%s method@%d", m.pkg.name, m.start)
	}
}

// HasResult reports whether a call of the method leaves something on the stack.
func (m *Method) HasResult() bool { return m.result != resultVoid }

// Line returns the source file and line of an instruction; "", 0 if the CAP file has
// none.
func (m *Method) Line(pc int) (file string, line int) {
	for _, l := range m.lines {
		if at := pc - m.start; at >= l.Start && at <= l.End {
			return m.source, l.Line
		}
	}
	return "", 0
}

// At names the method and an instruction in it for messages.
func (m *Method) At(pc int) string {
	if file, line := m.Line(pc); line > 0 {
		return fmt.Sprintf("%s (%s:%d)", m, file, line)
	}
	return fmt.Sprintf("%s pc %d", m, pc)
}

// describe fills in arguments and result from the descriptor.
func (m *Method) describe(desc string) error {
	bad := fmt.Errorf("method descriptor %q is malformed", desc)
	rest, ok := strings.CutPrefix(desc, "(")
	if !ok {
		return bad
	}
	m.desc = desc
	cells := 1
	if m.isStatic {
		cells = 0
	}
	m.argCells = nil
	for {
		if rest == "" {
			return bad
		}
		if rest[0] == ')' {
			break
		}
		n, size := typeAt(rest)
		if n == 0 || size == 0 {
			return bad
		}
		m.argCells = append(m.argCells, uint8(cells))
		cells += size
		rest = rest[n:]
	}
	m.args = cells
	n, size := typeAt(rest[1:])
	if n == 0 || n != len(rest)-1 {
		return bad
	}
	m.result = resultKind(size)
	return nil
}

// Numbers are the cells of the arguments that hold numbers, by the method's descriptor: an int has
// two. A method without a descriptor, of bytecode without its export file, has none.
func (m *Method) Numbers() (cells []int) {
	rest := strings.TrimPrefix(m.desc, "(")
	for _, at := range m.argCells {
		n, size := typeAt(rest)
		if rest[0] != 'L' && rest[0] != '[' {
			for i := range size {
				cells = append(cells, int(at)+i)
			}
		}
		rest = rest[n:]
	}
	return cells
}

// typeAt returns the length of the type at the start of a descriptor and the
// cells that it takes; 0, 0 if there is none.
func typeAt(s string) (n, cells int) {
	if s == "" {
		return 0, 0
	}
	switch s[0] {
	case 'Z', 'B', 'S':
		return 1, 1
	case 'I':
		return 1, 2
	case 'V':
		return 1, 0
	case 'L':
		if end := strings.IndexByte(s, ';'); end > 1 {
			return end + 1, 1
		}
	case '[':
		if n, cells := typeAt(s[1:]); n > 0 && cells > 0 {
			return n + 1, 1
		}
	}
	return 0, 0
}

func joinInt(high, low int32) int32 { return high<<16 | low&0xFFFF }

func splitInt(v int32) (high, low int32) { return int32(int16(v >> 16)), int32(int16(v)) }
