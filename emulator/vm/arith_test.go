package vm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// program is a method that is run with arguments and gives a result or an
// exception.
type program struct {
	name string
	desc string
	code string
	args []Value
	want int32
	err  string // class of the exception
}

func (p program) run(t *testing.T, v *VM, prepare func(b *builder)) (Value, error) {
	b := newBuilder(t, 9)
	if prepare != nil {
		prepare(b)
	}
	args := 0
	rest := p.desc[1:]
	for rest[0] != ')' {
		n, cells := typeAt(rest)
		args, rest = args+cells, rest[n:]
	}
	m := b.method(args, 4, 12, p.code)
	c := b.class(external(0, 0), 0, 0xFF, 0, 1)
	b.export(c, m)
	pkg, err := v.Load(b.file())
	if err != nil {
		return 0, err
	}
	method := static(t, pkg, m, p.desc)
	var result Value
	err = v.Enter(func(c *Call) { result = c.Invoke(method, 0, p.args...) })
	return result, err
}

func (p program) check(t *testing.T, prepare func(b *builder)) {
	t.Helper()
	got, err := p.run(t, newVM(t, Limits{}), prepare)
	if p.err != "" {
		var e *JavaException
		require.ErrorAs(t, err, &e)
		require.Equal(t, p.err, e.Class)
		return
	}
	require.NoError(t, err)
	require.Equal(t, p.want, got.Int())
}

func TestArithmetic(t *testing.T) {
	const (
		ss = "sload_0 sload_1 "
		ii = "iload_0 iload_2 "
	)
	short := func(op string, a, b, want int16) program {
		return program{op, "(SS)S", ss + op + " sreturn", []Value{ShortValue(a), ShortValue(b)},
			int32(want), ""}
	}
	integer := func(op string, a, b, want int32) program {
		return program{op, "(II)I", ii + op + " ireturn", []Value{IntValue(a), IntValue(b)}, want,
			""}
	}
	for _, p := range []program{
		short("sadd", 32767, 1, -32768),
		short("ssub", -32768, 1, 32767),
		short("smul", 300, 300, 24464),
		short("sdiv", -7, 2, -3),
		short("sdiv", -32768, -1, -32768),
		short("srem", -7, 2, -1),
		short("srem", -32768, -1, 0),
		short("sand", -1, 0x0F0F, 0x0F0F),
		short("sor", 0x00F0, 0x0F00, 0x0FF0),
		short("sxor", -1, 0x00FF, -256),
		short("sshl", 1, 15, -32768),
		short("sshl", 1, 16, 0),
		short("sshl", 3, 33, 6),
		short("sshr", -32768, 15, -1),
		short("sshr", -32768, 31, -1),
		short("sshr", 64, 35, 8),
		short("sushr", -1, 1, -1),      // the sign fills 32 bits first, the result keeps the low 16
		short("sushr", -1, 20, 0x0FFF), // JCVM 3.0.5 §7.5.107
		short("sushr", -32768, 16, -1),
		integer("iadd", 2147483647, 1, -2147483648),
		integer("isub", -2147483648, 1, 2147483647),
		integer("imul", 65536, 65537, 65536),
		integer("idiv", -2147483648, -1, -2147483648),
		integer("idiv", -100001, 3, -33333),
		integer("irem", -100001, 3, -2),
		integer("irem", -2147483648, -1, 0),
		integer("iand", -1, 0x00FF00FF, 0x00FF00FF),
		integer("ior", 0x12340000, 0x00005678, 0x12345678),
		integer("ixor", -1, 0x0000FFFF, -65536),
		integer("ishl", 1, 31, -2147483648),
		integer("ishl", 5, 33, 10),
		integer("ishr", -2147483648, 31, -1),
		integer("iushr", -2147483648, 31, 1),
		integer("iushr", -1, 4, 0x0FFFFFFF),
		{"icmp less", "(II)S", ii + "icmp sreturn", []Value{-70000, 70000}, -1, ""},
		{"icmp equal", "(II)S", ii + "icmp sreturn", []Value{70000, 70000}, 0, ""},
		{"icmp greater", "(II)S", ii + "icmp sreturn", []Value{0x10000, 0xFFFF}, 1, ""},
		{"sneg", "(S)S", "sload_0 sneg sreturn", []Value{-32768}, -32768, ""},
		{"ineg", "(I)I", "iload_0 ineg ireturn", []Value{-2147483648}, -2147483648, ""},
		{"s2b", "(S)S", "sload_0 s2b sreturn", []Value{0x1FF}, -1, ""},
		{"s2i", "(S)I", "sload_0 s2i ireturn", []Value{-2}, -2, ""},
		{"i2b", "(I)S", "iload_0 i2b sreturn", []Value{0x12380}, -128, ""},
		{"i2s", "(I)S", "iload_0 i2s sreturn", []Value{0x18000}, -32768, ""},
		{"sinc", "(S)S", "sinc 0 -1 sload_0 sreturn", []Value{-32768}, 32767, ""},
		{"sinc_w", "(S)S", "sinc_w 0 0x7F 0xFF sload_0 sreturn", []Value{1}, -32768, ""},
		{"iinc", "(I)I", "iinc 0 -1 iload_0 ireturn", []Value{-2147483648}, 2147483647, ""},
		{"iinc_w", "(I)I", "iinc_w 0 0x7F 0xFF iload_0 ireturn", []Value{1}, 32768, ""},
		{"sdiv by zero", "(SS)S", ss + "sdiv sreturn", []Value{1, 0}, 0, classArithmetic},
		{"srem by zero", "(SS)S", ss + "srem sreturn", []Value{1, 0}, 0, classArithmetic},
		{"idiv by zero", "(II)I", ii + "idiv ireturn", []Value{1, 0}, 0, classArithmetic},
		{"irem by zero", "(II)I", ii + "irem ireturn", []Value{1, 0}, 0, classArithmetic},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, nil) })
	}
}

func TestConstantsAndLocals(t *testing.T) {
	for _, p := range []program{
		{"sconst_m1", "()S", "sconst_m1 sreturn", nil, -1, ""},
		{"sconst_5", "()S", "sconst_5 sreturn", nil, 5, ""},
		{"iconst_m1", "()I", "iconst_m1 ireturn", nil, -1, ""},
		{"iconst_4", "()I", "iconst_4 ireturn", nil, 4, ""},
		{"bspush", "()S", "bspush 0x80 sreturn", nil, -128, ""},
		{"sspush", "()S", "sspush 0x80 0x01 sreturn", nil, -32767, ""},
		{"bipush", "()I", "bipush 0x80 ireturn", nil, -128, ""},
		{"sipush", "()I", "sipush 0xFF 0x00 ireturn", nil, -256, ""},
		{"iipush", "()I", "iipush 0x80 0x00 0x00 0x01 ireturn", nil, -2147483647, ""},
		{"sstore and sload", "(S)S", "sload 0 sstore 3 sload_3 sstore_2 sload_2 sreturn",
			[]Value{-5}, -5, ""},
		{"istore and iload", "(I)I",
			"iload 0 istore 4 iload 4 istore_2 iload_2 istore_3 iload_3 ireturn", []Value{-70000},
			-70000, ""},
		{"locals start at zero", "(S)S", "sload_3 sreturn", []Value{7}, 0, ""},
		{"aconst_null", "()S", "aconst_null ifnull 4 sconst_0 sreturn sconst_1 sreturn", nil, 1,
			""},
		{"dup", "(S)S", "sload_0 dup smul sreturn", []Value{9}, 81, ""},
		{"dup2", "(I)I", "iload_0 dup2 iadd ireturn", []Value{70000}, 140000, ""},
		{"pop", "(S)S", "sload_0 sconst_1 pop sreturn", []Value{9}, 9, ""},
		{"pop2", "(S)S", "sload_0 iconst_1 pop2 sreturn", []Value{9}, 9, ""},
		{"nop", "(S)S", "nop sload_0 nop sreturn", []Value{9}, 9, ""},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, nil) })
	}
}

// TestStackShuffles folds what is on the stack after dup_x and swap_x into one
// number: each step takes ten times the lower value plus the upper one.
func TestStackShuffles(t *testing.T) {
	fold := func(cells int) string {
		// from the top: acc = top, then acc = acc + 10*next, and so on
		s := "sstore_2 sconst_1 sstore_3 "
		for i := 1; i < cells; i++ {
			s += "sload_3 bspush 10 smul sstore_3 sload_3 smul sload_2 sadd sstore_2 "
		}
		return s + "sload_2 sreturn"
	}
	for _, p := range []program{
		{"dup_x 1 under 2", "()S", "sconst_1 sconst_2 dup_x 0x12 " + fold(3), nil, 212, ""},
		{"dup_x 1 under 0 is dup", "()S", "sconst_1 sconst_2 dup_x 0x10 " + fold(3), nil, 122, ""},
		{"dup_x 2 under 3", "()S", "sconst_1 sconst_2 sconst_3 dup_x 0x23 " + fold(5), nil, 23123,
			""},
		{"dup_x 2 under 2", "()S", "sconst_1 sconst_2 dup_x 0x22 " + fold(4), nil, 1212, ""},
		{"swap_x 1 1", "()S", "sconst_1 sconst_2 swap_x 0x11 " + fold(2), nil, 21, ""},
		{"swap_x 2 1", "()S", "sconst_1 sconst_2 sconst_3 swap_x 0x21 " + fold(3), nil, 231, ""},
		{"swap_x 1 2", "()S", "sconst_1 sconst_2 sconst_3 swap_x 0x12 " + fold(3), nil, 312, ""},
		{"swap_x 2 2", "()S", "sconst_1 sconst_2 sconst_3 sconst_4 swap_x 0x22 " + fold(4), nil,
			3412, ""},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, nil) })
	}
}

func TestTableIsWhole(t *testing.T) {
	known := 0
	for op, e := range opcodes {
		if e.run == nil {
			continue
		}
		known++
		require.NotEmpty(t, e.mnemonic, "opcode %02X", op)
		require.Positive(t, e.length, e.mnemonic)
		require.True(t, e.clause >= 1 && e.clause <= 109, e.mnemonic)
	}
	require.Equal(t, 185, known, "JCVM 3.0.5 chapter 8 lists 0x00 to 0xB8 without gaps")
	require.Nil(t, opcodes[0xB9].run)
}

func TestFaultsAreTyped(t *testing.T) {
	for _, c := range []struct {
		name, desc, code string
		kind             FaultKind
	}{
		{"underflow", "()S", "sadd sreturn", FaultStack},
		{"overflow", "()S", "sconst_0 goto -1", FaultStack},
		{"endless loop", "()V", "goto 0", FaultBudget},
		{"dup_x underflow", "()S", "sconst_0 dup_x 0x12 sreturn", FaultStack},
		{"swap_x underflow", "()S", "sconst_0 swap_x 0x22 sreturn", FaultStack},
		{"number as reference", "()S", "sspush 0x7F 0xFF arraylength sreturn", FaultType},
		{"negative number as reference", "()S", "sconst_m1 arraylength sreturn", FaultType},
		{"number as array", "()S", "sspush 0x7F 0xFF sconst_0 saload sreturn", FaultType},
		{"ret to a number", "()V", "sspush 0 7 sstore_0 ret 0", FaultCode},
		{"wrong return", "()S", "return", FaultType},
		{"throw of a number", "()V", "bspush 99 athrow", FaultType},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVM(t, Limits{Budget: 1000})
			_, err := program{desc: c.desc, code: c.code}.run(t, v, nil)
			var fault *CardFault
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.kind, fault.Kind, fault.Error())
			require.False(t, v.Powered())
			require.ErrorIs(t, v.Enter(func(*Call) {}), error(fault), "a mute card stays mute")
			v.Reset()
			require.NoError(t, v.Enter(func(*Call) {}))
		})
	}
}

// Slow operations are counted by themselves, and anew for each command.
func TestSlowOperationsEnd(t *testing.T) {
	v := newVM(t, Limits{Work: 1000})
	work := func(times, each int) error {
		return v.Enter(func(c *Call) {
			for range times {
				c.Work(each)
			}
		})
	}
	require.NoError(t, work(10, 100))
	require.NoError(t, work(1, 1000))
	var fault *CardFault
	require.ErrorAs(t, work(11, 100), &fault)
	require.Equal(t, FaultBudget, fault.Kind)
	require.Zero(t, v.Stats().Bytecodes)
	v.Reset()
	require.NoError(t, work(10, 100))
}

// A card without a limit of its memory ends an applet that takes memory without end.
func TestMemoryWithoutLimitEnds(t *testing.T) {
	for _, storage := range []Storage{Persistent, ClearOnReset, ClearOnDeselect} {
		require.NoError(t, newVM(t, Limits{}).Enter(func(c *Call) {
			const each = 32_767
			made := 0
			thrown := c.Try(func() {
				for ; made < 2*DefaultBytes/each; made++ {
					c.NewByteArray(each, storage)
				}
			})
			require.NotNil(t, thrown)
			require.Equal(t, "javacard/framework/SystemException", thrown.Class)
			require.InDelta(t, DefaultBytes/each, made, 100)
		}))
	}
}

func TestBugsAreNotFaults(t *testing.T) {
	v := newVM(t, Limits{})
	err := v.Enter(func(*Call) { _ = []int{}[len("x")] })
	var bug *InternalError
	require.ErrorAs(t, err, &bug)
	require.False(t, errors.As(err, new(*CardFault)))
}
