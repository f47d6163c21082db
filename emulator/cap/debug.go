package cap

// Debug is the Debug component (JCVM 3.0.5 §6.15): names and source lines.
type Debug struct {
	Package string
	Classes []ClassDebug
}

// ClassDebug names a class, its fields and its methods.
type ClassDebug struct {
	Name    string // with slashes
	Source  string // file
	Offset  int    // in the Class component's content
	Fields  []FieldDebug
	Methods []MethodDebug
}

// FieldDebug names a field that takes memory: constants are not among them.
type FieldDebug struct {
	Name, Descriptor string
	Static           bool
	Place            int // of a static field in the image, of another its first cell in its class
}

// Variable names a local variable or a parameter.
type Variable struct {
	Name, Descriptor string
	Cell             int // its first
	Start, Length    int // bytes of the code in which it has a value, from the first instruction
}

// MethodDebug names a method and its lines.
type MethodDebug struct {
	Name, Descriptor string
	Offset           int // of its header in the Method component's content; 0 if it has none
	Lines            []Line
	Variables        []Variable
}

// Line is the source line of the instructions from Start to End, both counted
// from the method's first instruction.
type Line struct {
	Start, End, Line int
}

// Sizes of the fixed parts of the Debug component.
const (
	debugFieldBytes    = 10
	debugVariableBytes = 9
	debugLineBytes     = 6
	debugMethodBytes   = 15
)

// accessFinal marks a field that is final; a static one of a primitive type is a constant, and
// takes no memory (JCVM 3.0.5 §6.15.3).
const accessFinal = 0x10

func (f *File) parseDebug(r *reader) error {
	n := r.count(r.u2("string count"), 2, "strings")
	strings := make([]string, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		strings = append(strings, string(r.bytes(r.u2("string length"), "string")))
	}
	name := func(what string) string {
		at := r.off
		i := r.u2(what)
		if r.err == nil && i >= len(strings) {
			r.failAt(at, "%s is string %d of %d", what, i, len(strings))
		}
		if r.err != nil {
			return ""
		}
		return strings[i]
	}
	d := &Debug{Package: name("package name")}
	for classes := r.u2("class count"); classes > 0 && r.err == nil; classes-- {
		d.Classes = append(d.Classes, debugClass(r, name))
	}
	f.Debug = d
	return r.end()
}

func debugClass(r *reader, name func(string) string) ClassDebug {
	c := ClassDebug{Name: name("class name")}
	r.u2("class flags")
	c.Offset = r.u2("class location")
	r.u2("superclass name")
	c.Source = name("source file")
	interfaces := r.u1("interface count")
	fields, methods := r.u2("field count"), r.u2("method count")
	for ; interfaces > 0 && r.err == nil; interfaces-- {
		name("interface name")
	}
	for fields = r.count(fields, debugFieldBytes, "fields"); fields > 0 && r.err == nil; fields-- {
		if f, takes := debugField(r, name); takes {
			c.Fields = append(c.Fields, f)
		}
	}
	for methods = r.count(methods, debugMethodBytes, "methods"); methods > 0 &&
		r.err == nil; methods-- {
		c.Methods = append(c.Methods, debugMethod(r, name))
	}
	return c
}

// debugField reads a field, and reports whether it takes memory.
func debugField(r *reader, name func(string) string) (f FieldDebug, takes bool) {
	f = FieldDebug{Name: name("field name"), Descriptor: name("field descriptor")}
	flags := r.u2("field flags")
	f.Static = flags&accessStatic != 0
	r.u2("field padding")
	f.Place = r.u2("field place")
	isConstant := f.Static && flags&accessFinal != 0 && len(f.Descriptor) == 1
	return f, !isConstant
}

func debugMethod(r *reader, name func(string) string) MethodDebug {
	m := MethodDebug{Name: name("method name"), Descriptor: name("method descriptor")}
	r.u2("method flags")
	m.Offset = r.u2("method location")
	r.u1("header size")
	r.u2("body size")
	variables, lines := r.u2("variable count"), r.u2("line count")
	for variables = r.count(variables, debugVariableBytes, "variables"); variables > 0 &&
		r.err == nil; variables-- {
		v := Variable{Cell: r.u1("variable index"), Name: name("variable name"),
			Descriptor: name("variable descriptor")}
		v.Start, v.Length = r.u2("variable start"), r.u2("variable length")
		m.Variables = append(m.Variables, v)
	}
	for lines = r.count(lines, debugLineBytes, "lines"); lines > 0 && r.err == nil; lines-- {
		m.Lines = append(m.Lines, Line{r.u2("line start"), r.u2("line end"), r.u2("line number")})
	}
	return m
}
