package vm

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/cap"
)

// The tests assemble their own packages, so that they can hold what no
// compiler writes.

var (
	aidLang      = []byte{0xA0, 0, 0, 0, 0x62, 0, 1}
	aidFramework = []byte{0xA0, 0, 0, 0, 0x62, 1, 1}
)

// assemble turns "bspush 5 sload_0 sadd sreturn" into bytecode: mnemonics by
// the instruction table, numbers as single bytes.
func assemble(t testing.TB, source string) []byte {
	t.Helper()
	var code []byte
words:
	for _, word := range strings.Fields(source) {
		if n, err := strconv.ParseInt(word, 0, 16); err == nil {
			code = append(code, byte(n))
			continue
		}
		for op := range opcodes {
			if opcodes[op].mnemonic == word {
				code = append(code, byte(op))
				continue words
			}
		}
		require.Failf(t, "assembler", "%q is no instruction", word)
	}
	return code
}

// builder collects the parts of a CAP file.
type builder struct {
	t         testing.TB
	aid       []byte
	imports   [][]byte
	constants []byte
	classes   []byte
	handlers  []byte
	methods   []byte
	statics   []byte // StaticField content
	image     int
	exports   []byte
	applets   []byte
}

func newBuilder(t testing.TB, aid byte) *builder {
	return &builder{
		t: t, aid: []byte{0xF0, 1, 2, 3, aid}, imports: [][]byte{aidLang, aidFramework},
		statics: make([]byte, 10),
	}
}

func u2(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

// constant adds a constant pool entry and returns its index.
func (b *builder) constant(kind cap.ConstantKind, info ...byte) int {
	b.constants = append(append(b.constants, byte(kind)), info...)
	return len(b.constants)/4 - 1
}

// method adds a method and returns the offset of its header. All exception
// handlers must be added before.
func (b *builder) method(args, locals, stack int, source string) int {
	off := 1 + len(b.handlers) + len(b.methods)
	b.methods = append(b.methods, 0x80, byte(stack), byte(args), byte(locals))
	b.methods = append(b.methods, assemble(b.t, source)...)
	return off
}

// handler adds an exception handler; its offsets count from the first method.
func (b *builder) handler(count, start, length, at, catch int) {
	base := 1 + 8*count
	b.handlers = append(b.handlers, u2(base+start)...)
	b.handlers = append(b.handlers, u2(length)...)
	b.handlers = append(b.handlers, u2(base+at)...)
	b.handlers = append(b.handlers, u2(catch)...)
}

// class adds a class without interfaces and returns its offset.
func (b *builder) class(super []byte, size, firstRef, refs, base int, public ...int) int {
	off := len(b.classes)
	b.classes = append(b.classes, 0)
	b.classes = append(b.classes, super...)
	b.classes = append(b.classes, byte(size), byte(firstRef), byte(refs), byte(base),
		byte(len(public)), 0, 0)
	for _, m := range public {
		b.classes = append(b.classes, u2(m)...)
	}
	return off
}

func (b *builder) block() []byte {
	component := func(tag cap.Tag, content []byte) []byte {
		return append(append([]byte{byte(tag)}, u2(len(content))...), content...)
	}
	flags := byte(1)
	if b.exports != nil {
		flags |= 2
	}
	if b.applets != nil {
		flags |= 4
	}
	header := append([]byte{0xDE, 0xCA, 0xFF, 0xED, 1, 2, flags, 0, 1, byte(len(b.aid))}, b.aid...)
	imports := []byte{byte(len(b.imports))}
	for _, aid := range b.imports {
		imports = append(append(imports, 0, 1, byte(len(aid))), aid...)
	}
	contents := map[cap.Tag][]byte{
		cap.TagHeader:       header,
		cap.TagImport:       imports,
		cap.TagConstantPool: append(u2(len(b.constants)/4), b.constants...),
		cap.TagClass:        b.classes,
		cap.TagMethod: append(append([]byte{byte(len(b.handlers) / 8)}, b.handlers...),
			b.methods...),
		cap.TagStaticField:       b.statics,
		cap.TagReferenceLocation: make([]byte, 4),
	}
	appletCount := 0
	if b.exports != nil {
		contents[cap.TagExport] = b.exports
	}
	if b.applets != nil {
		contents[cap.TagApplet], appletCount = b.applets, int(b.applets[0])
	}
	const directoryBytes = 31
	var directory []byte
	for t := cap.TagHeader; t <= cap.TagDescriptor; t++ {
		if t == cap.TagDirectory {
			directory = append(directory, u2(directoryBytes)...)
			continue
		}
		directory = append(directory, u2(len(contents[t]))...)
	}
	arrays := b.statics[4:6]
	directory = append(directory, b.statics[:2]...)
	directory = append(directory, arrays...)
	directory = append(directory, 0, 0, byte(len(b.imports)), byte(appletCount), 0)
	contents[cap.TagDirectory] = directory
	var block []byte
	for t := cap.TagHeader; t <= cap.TagExport; t++ {
		if c, ok := contents[t]; ok {
			block = append(block, component(t, c)...)
		}
	}
	return block
}

func (b *builder) file() *cap.File {
	f, err := cap.ParseLoadFile(b.block())
	require.NoError(b.t, err)
	return f
}

// The API of the tests: the exceptions that the machine throws, and a
// factory of transient arrays.

func testAPI() ([]NativePackage, map[string]Native) {
	class := func(token byte, name, super string, fields ...NativeField) NativeClass {
		return NativeClass{Name: name, Token: token, Super: super, Fields: fields,
			Methods: []NativeMethod{
				{Name: "<init>", Descriptor: "()V", Token: 0},
			}}
	}
	object := class(0, classObject, "")
	object.Methods = append(object.Methods,
		NativeMethod{Name: "equals", Descriptor: "(Ljava/lang/Object;)Z", Token: 0})
	lang := NativePackage{AID: aidLang, Name: "java/lang", Major: 1, Classes: []NativeClass{
		object,
		class(1, classThrowable, classObject),
		class(2, "java/lang/Exception", classThrowable),
		class(3, "java/lang/RuntimeException", "java/lang/Exception"),
		class(4, classArithmetic, "java/lang/RuntimeException"),
		class(5, classNullPointer, "java/lang/RuntimeException"),
		class(6, classArrayIndex, "java/lang/RuntimeException"),
		class(7, classArrayStore, "java/lang/RuntimeException"),
		class(8, classClassCast, "java/lang/RuntimeException"),
		class(9, classNegativeArray, "java/lang/RuntimeException"),
		class(10, classSecurity, "java/lang/RuntimeException"),
	}}
	reason := NativeField{Name: reasonField}
	framework := NativePackage{AID: aidFramework, Name: "javacard/framework", Major: 1,
		Classes: []NativeClass{
			class(0, classCardRuntime, "java/lang/RuntimeException", reason),
			class(1, classSystemException, classCardRuntime),
			class(2, classTransaction, classCardRuntime),
			class(3, "javacard/framework/ISOException", classCardRuntime),
			{Name: "javacard/framework/Shareable", Token: 4, Interface: true, Shareable: true},
			{Name: "javacard/framework/Probe", Token: 5, Super: classObject,
				Methods: []NativeMethod{
					{Name: "refuse", Descriptor: "(S)V", Token: 0, Static: true},
					{Name: "sum", Descriptor: "(SIS)I", Token: 1, Static: true},
					{Name: "begin", Descriptor: "()V", Token: 2, Static: true},
					{Name: "abort", Descriptor: "()V", Token: 3, Static: true},
					{Name: "unbound", Descriptor: "()V", Token: 4, Static: true},
				}},
		}}
	natives := map[string]Native{
		"javacard/framework/Probe.refuse(S)V": func(c *Call) Value {
			c.Throw("javacard/framework/ISOException", c.Short(0))
			return Void
		},
		"javacard/framework/Probe.sum(SIS)I": func(c *Call) Value {
			return IntValue(int32(c.Short(0)) + c.Int(1) + int32(c.Short(2)))
		},
		"javacard/framework/Probe.begin()V": func(c *Call) Value {
			c.BeginTransaction()
			return Void
		},
		"javacard/framework/Probe.abort()V": func(c *Call) Value {
			c.AbortTransaction()
			return Void
		},
		"java/lang/Object.equals(Ljava/lang/Object;)Z": func(c *Call) Value {
			return BoolValue(c.This() == c.Ref(0))
		},
	}
	for _, p := range []NativePackage{lang, framework} {
		for _, c := range p.Classes {
			for _, m := range c.Methods {
				if m.Name == "<init>" {
					natives[c.Name+".<init>()V"] = func(*Call) Value { return Void }
				}
			}
		}
	}
	return []NativePackage{lang, framework}, natives
}

func linkedTestAPI(t require.TestingT) *API {
	a, err := LinkAPI(testAPI())
	require.NoError(t, err)
	return a
}

func newVM(t require.TestingT, limits Limits) *VM {
	v, err := New(Config{API: linkedTestAPI(t), Limits: limits, Random: bytes.NewReader(nil)})
	require.NoError(t, err)
	return v
}

// static makes a method of the package callable from Go.
func static(t testing.TB, p *Package, off int, desc string) *Method {
	m := p.methods[off]
	require.NotNil(t, m, "method at %d is not linked", off)
	args := m.args
	m.isStatic = true
	require.NoError(t, m.describe(desc))
	require.Equal(t, args, m.args, "descriptor %s", desc)
	return m
}

// export makes methods reachable for the linker: the static methods of a class.
func (b *builder) export(class int, methods ...int) {
	b.exports = append([]byte{1}, u2(class)...)
	b.exports = append(b.exports, 0, byte(len(methods)))
	for _, m := range methods {
		b.exports = append(b.exports, u2(m)...)
	}
}

// superObject and external refer to classes of the imports, in the order of
// newBuilder.
func external(pkg, class byte) []byte { return []byte{0x80 | pkg, class} }
