package vm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBranches(t *testing.T) {
	// 1 if the branch is taken, 0 if not
	one := func(op string, a int16, want int32) program {
		return program{op, "(S)S", "sload_0 " + op + " 4 sconst_0 sreturn sconst_1 sreturn",
			[]Value{ShortValue(a)}, want, ""}
	}
	oneWide := func(op string, a int16, want int32) program {
		return program{op, "(S)S", "sload_0 " + op + " 0 5 sconst_0 sreturn sconst_1 sreturn",
			[]Value{ShortValue(a)}, want, ""}
	}
	two := func(op string, a, b int16, want int32) program {
		return program{op, "(SS)S", "sload_0 sload_1 " + op +
			" 4 sconst_0 sreturn sconst_1 sreturn", []Value{ShortValue(a), ShortValue(b)}, want, ""}
	}
	twoWide := func(op string, a, b int16, want int32) program {
		return program{op, "(SS)S", "sload_0 sload_1 " + op +
			" 0 5 sconst_0 sreturn sconst_1 sreturn", []Value{ShortValue(a), ShortValue(b)}, want,
			""}
	}
	table := []program{
		{"goto", "()S", "goto 4 sconst_0 sreturn sconst_1 sreturn", nil, 1, ""},
		{"goto_w", "()S", "goto_w 0 5 sconst_0 sreturn sconst_1 sreturn", nil, 1, ""},
		{"jsr and ret", "(S)S", "jsr 0 8 jsr 0 5 sload_0 sreturn astore_1 sinc 0 10 ret 1",
			[]Value{1}, 21, ""},
	}
	holds := map[string]func(a, b int16) bool{
		"eq": func(a, b int16) bool { return a == b },
		"ne": func(a, b int16) bool { return a != b },
		"lt": func(a, b int16) bool { return a < b }, "ge": func(a, b int16) bool { return a >= b },
		"gt": func(a, b int16) bool { return a > b }, "le": func(a, b int16) bool { return a <= b },
	}
	number := map[bool]int32{true: 1}
	for cond, is := range holds {
		for _, a := range []int16{-32768, -1, 0, 1, 32767} {
			table = append(table, one("if"+cond, a, number[is(a, 0)]),
				oneWide("if"+cond+"_w", a, number[is(a, 0)]))
			for _, b := range []int16{-1, 0, 32767} {
				table = append(table, two("if_scmp"+cond, a, b, number[is(a, b)]),
					twoWide("if_scmp"+cond+"_w", a, b, number[is(a, b)]))
			}
		}
	}
	for cond, is := range map[string]bool{"ifnull": true, "ifnonnull": false} {
		table = append(table,
			program{cond, "()S", "aconst_null " + cond + " 4 sconst_0 sreturn sconst_1 sreturn",
				nil, number[is], ""},
			program{cond + "_w", "()S",
				"aconst_null " + cond + "_w 0 5 sconst_0 sreturn sconst_1 sreturn", nil, number[is],
				""},
			program{cond + " of an object", "()S", "sconst_1 newarray 11 " + cond +
				" 4 sconst_0 sreturn sconst_1 sreturn", nil, number[!is], ""})
	}
	for cond, same := range map[string]bool{"if_acmpeq": true, "if_acmpne": false} {
		table = append(table,
			program{cond, "()S", "sconst_1 newarray 11 dup " + cond +
				" 4 sconst_0 sreturn sconst_1 sreturn", nil, number[same], ""},
			program{cond + "_w", "()S", "sconst_1 newarray 11 aconst_null " + cond +
				"_w 0 5 sconst_0 sreturn sconst_1 sreturn", nil, number[!same], ""})
	}
	for _, p := range table {
		t.Run(p.name, func(t *testing.T) { p.check(t, nil) })
	}
}

func TestSwitches(t *testing.T) {
	const results = "sconst_0 sreturn sconst_1 sreturn sconst_2 sreturn sconst_3 sreturn"
	stable := "sload_0 stableswitch 0 13 0xFF 0xFF 0 1 0 15 0 17 0 19 " + results // -1, 0, 1
	itable := "iload_0 itableswitch 0 17 0x00 0x01 0x11 0x70 0x00 0x01 0x11 0x72 0 19 0 21 0 23 " +
		results
	slookup := "sload_0 slookupswitch 0 17 0 3 0x80 0x00 0 19 0 100 0 21 0x7F 0xFF 0 23 " + results
	ilookup := "iload_0 ilookupswitch 0 17 0 2 0xFF 0xFE 0x79 0x60 0 19 0x00 0x01 0x86 0xA0 0 21 " +
		results
	for _, c := range []struct {
		name, desc, code string
		want             map[Value]int32
	}{
		{"stableswitch", "(S)S", stable, map[Value]int32{-2: 0, -1: 1, 0: 2, 1: 3, 2: 0, 32767: 0,
			-32768: 0}},
		{"itableswitch", "(I)S", itable, map[Value]int32{69999: 0, 70000: 1, 70001: 2, 70002: 3,
			70003: 0, -2147483648: 0}},
		{"slookupswitch", "(S)S", slookup,
			map[Value]int32{-32768: 1, 100: 2, 32767: 3, 0: 0, 101: 0}},
		{"ilookupswitch", "(I)S", ilookup, map[Value]int32{-100000: 1, 100000: 2, 0: 0, 34464: 0}},
	} {
		for arg, want := range c.want {
			program{c.name, c.desc, c.code, []Value{arg}, want, ""}.check(t, nil)
		}
	}
}

func TestArrays(t *testing.T) {
	for _, p := range []program{
		{"bytes are signed", "()S", "sconst_2 newarray 11 astore_0 aload_0 sconst_1 sspush 0x01 " +
			"0xFE bastore aload_0 sconst_1 baload sreturn", nil, -2, ""},
		{"booleans keep one bit", "()S", "sconst_2 newarray 10 astore_0 aload_0 sconst_1 " +
			"sconst_3 bastore aload_0 sconst_1 baload sreturn", nil, 1, ""},
		{"shorts", "()S", "sconst_2 newarray 12 astore_0 aload_0 sconst_1 sspush 0x80 0x01 " +
			"sastore aload_0 sconst_1 saload sreturn", nil, -32767, ""},
		{"ints", "()I", "sconst_2 newarray 13 astore_0 aload_0 sconst_1 iipush 0x80 0 0 1 " +
			"iastore aload_0 sconst_1 iaload ireturn", nil, -2147483647, ""},
		{"length", "()S", "sspush 0x01 0x2C newarray 13 arraylength sreturn", nil, 300, ""},
		{"elements start at zero", "()I", "sconst_2 newarray 13 sconst_0 iaload ireturn", nil, 0,
			""},
		{"negative size", "()S", "sconst_m1 newarray 11 arraylength sreturn", nil, 0,
			classNegativeArray},
		{"index at the end", "()S", "sconst_2 newarray 11 sconst_2 baload sreturn", nil, 0,
			classArrayIndex},
		{"negative index", "()S", "sconst_2 newarray 12 sconst_m1 saload sreturn", nil, 0,
			classArrayIndex},
		{"null", "()S", "aconst_null sconst_0 baload sreturn", nil, 0, classNullPointer},
		{"null length", "()S", "aconst_null arraylength sreturn", nil, 0, classNullPointer},
		{"instanceof byte[]", "()S", "sconst_1 newarray 11 instanceof 11 0 0 sreturn", nil, 1, ""},
		{"byte[] is no short[]", "()S", "sconst_1 newarray 11 instanceof 12 0 0 sreturn", nil, 0,
			""},
		{"null is no instance", "()S", "aconst_null instanceof 11 0 0 sreturn", nil, 0, ""},
		{"checkcast byte[] to int[]", "()S",
			"sconst_1 newarray 11 checkcast 13 0 0 arraylength sreturn", nil, 0, classClassCast},
		{"checkcast of null", "()S",
			"aconst_null checkcast 13 0 0 ifnull 4 sconst_0 sreturn sconst_1 sreturn", nil, 1, ""},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, nil) })
	}
}

// TestReferenceArrays: constant 0 is Object, 1 Throwable, 2 Exception.
func TestReferenceArrays(t *testing.T) {
	prepare := func(b *builder) {
		for class := byte(0); class < 3; class++ {
			b.constant(1, 0x80, class, 0)
		}
	}
	for _, p := range []program{
		{"subclass into array", "()S", "sconst_1 anewarray 0 1 astore_0 aload_0 sconst_0 new 0 2 " +
			"aastore aload_0 sconst_0 aaload instanceof 0 0 2 sreturn", nil, 1, ""},
		{"superclass into array", "()S",
			"sconst_1 anewarray 0 2 sconst_0 new 0 1 aastore sconst_0 sreturn", nil, 0,
			classArrayStore},
		{"array into Object[]", "()S",
			"sconst_1 anewarray 0 0 sconst_0 sconst_1 newarray 11 aastore sconst_1 sreturn", nil, 1,
			""},
		{"null into array", "()S",
			"sconst_1 anewarray 0 2 sconst_0 aconst_null aastore sconst_1 sreturn", nil, 1, ""},
		{"array of subclass is array of superclass", "()S",
			"sconst_1 anewarray 0 2 instanceof 14 0 1 sreturn", nil, 1, ""},
		{"array of superclass is not array of subclass", "()S",
			"sconst_1 anewarray 0 1 instanceof 14 0 2 sreturn", nil, 0, ""},
		{"array is an Object", "()S", "sconst_1 newarray 12 instanceof 0 0 0 sreturn", nil, 1, ""},
		{"array is no Throwable", "()S", "sconst_1 anewarray 0 1 instanceof 0 0 1 sreturn", nil, 0,
			""},
		{"cast of a superclass", "()S", "new 0 1 checkcast 0 0 2 sconst_1 sreturn", nil, 0,
			classClassCast},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, prepare) })
	}
}

// TestExceptions runs methods with handlers.
func TestExceptions(t *testing.T) {
	const stop = 0x8000
	constants := func(b *builder) {
		b.constant(1, 0x80, 0, 0) // 0: Object; as a catch type 0 means anything
		b.constant(1, 0x80, 4, 0) // 1: ArithmeticException
		b.constant(1, 0x80, 3, 0) // 2: RuntimeException
		b.constant(6, 0x81, 5, 0) // 3: Probe.refuse
	}
	const header = 4 // extended method header
	for _, p := range []struct {
		program
		handlers [][4]int // start, length, at, catch; from the first instruction
	}{
		{program{"caught by class", "(S)S", "sconst_1 sload_0 sdiv sreturn pop bspush 77 sreturn",
			[]Value{0}, 77, ""}, [][4]int{{0, 4 | stop, 4, 1}}},
		{program{"not thrown", "(S)S", "sconst_1 sload_0 sdiv sreturn pop bspush 77 sreturn",
			[]Value{1}, 1, ""}, [][4]int{{0, 4 | stop, 4, 1}}},
		{program{"caught by superclass", "(S)S",
			"sconst_1 sload_0 sdiv sreturn pop bspush 77 sreturn", []Value{0}, 77, ""},
			[][4]int{{0, 4 | stop, 4, 2}}},
		{program{"caught by finally", "(S)S", "sconst_1 sload_0 sdiv sreturn pop bspush 77 sreturn",
			[]Value{0}, 77, ""}, [][4]int{{0, 4 | stop, 4, 0}}},
		{program{"outside the range", "(S)S", "sconst_1 sload_0 sdiv sreturn pop bspush 77 sreturn",
			[]Value{0}, 0, classArithmetic}, [][4]int{{0, 2 | stop, 4, 1}}},
		{program{"first handler that fits", "(S)S",
			"sload_0 newarray 11 arraylength sreturn pop sconst_1 sreturn pop sconst_2 sreturn",
			[]Value{-1}, 2, ""}, [][4]int{{0, 5, 5, 1}, {0, 5 | stop, 8, 2}}},
		{program{"from a native", "(S)S",
			"sload_0 invokestatic 0 3 sconst_0 sreturn pop bspush 55 sreturn", []Value{1}, 55, ""},
			[][4]int{{0, 5 | stop, 6, 2}}},
		{program{"thrown again", "(S)S", "sconst_1 sload_0 sdiv sreturn athrow", []Value{0}, 0,
			classArithmetic}, [][4]int{{0, 4 | stop, 4, 0}}},
		{program{"null thrown", "(S)S", "aconst_null athrow", []Value{0}, 0, classNullPointer},
			nil},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.check(t, func(b *builder) {
				constants(b)
				for _, h := range p.handlers {
					b.handler(len(p.handlers), header+h[0], h[1], header+h[2], h[3])
				}
			})
		})
	}
}

func TestUncaughtReasonReachesTheCaller(t *testing.T) {
	_, err := program{desc: "(S)S", code: "sload_0 invokestatic 0 0 sconst_0 sreturn",
		args: []Value{0x6A80}}.
		run(t, newVM(t, Limits{}), func(b *builder) { b.constant(6, 0x81, 5, 0) })
	var e *JavaException
	require.ErrorAs(t, err, &e)
	require.Equal(t, "javacard/framework/ISOException", e.Class)
	require.True(t, e.HasReason)
	require.Equal(t, int16(0x6A80), e.Reason)
}

func TestNativeSeesItsArguments(t *testing.T) {
	p := program{"sum", "(SIS)I", "sload_0 iload_1 sload_3 invokestatic 0 0 ireturn",
		[]Value{-1, 70000, 3}, 70002, ""}
	p.check(t, func(b *builder) { b.constant(6, 0x81, 5, 1) })
}

func TestDeepRecursionIsAFault(t *testing.T) {
	v := newVM(t, Limits{Frames: 40})
	b := newBuilder(t, 9)
	b.constant(6, 0, 0, 1)
	m := b.method(0, 0, 2, "invokestatic 0 0 return")
	b.export(b.class(external(0, 0), 0, 0xFF, 0, 1), m)
	pkg, err := v.Load(b.file())
	require.NoError(t, err)
	method := static(t, pkg, m, "()V")
	err = v.Enter(func(c *Call) { c.Invoke(method, 0) })
	var fault *CardFault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, FaultDepth, fault.Kind)
}

// TestMalformedCodeIsRefusedAtLoad: the linker says where and what.
func TestMalformedCodeIsRefusedAtLoad(t *testing.T) {
	prepare := func(b *builder) {
		b.constant(1, 0x80, 0, 0) // 0: Object
		b.constant(6, 0x81, 5, 0) // 1: Probe.refuse
	}
	for _, c := range []struct{ name, code, want string }{
		{"unknown opcode", "0xB9 return", "offset 5: 0xB9 is no instruction"},
		{"runs off the end", "sconst_0", "outside the method"},
		{"jump outside", "goto 100", "outside the method"},
		{"jump before", "goto -5", "outside the method"},
		{"jump into an instruction", "sspush 0x7A 0x7A goto -2",
			"starts within another instruction"},
		{"local", "sload 9 pop return", "local 9, the method has 4"},
		{"int local", "iload_3 pop2 return", "local 3, the method has 4"},
		{"constant beyond the pool", "new 0 9 return", "constant 9 of 2"},
		{"constant of another kind", "new 0 1 return", "constant 1 is a StaticMethodref"},
		{"not an interface", "aconst_null invokeinterface 1 0 0 0 return",
			"java/lang/Object is no interface"},
		{"element type", "sconst_1 newarray 9 return", "element type 9 does not exist"},
		{"cast type", "aconst_null checkcast 9 0 0 return", "type 9 does not exist"},
		{"dup_x", "dup_x 0x51 return", "operand 51 is out of range"},
		{"swap_x", "swap_x 0x31 return", "operand 31 is out of range"},
		{"switch bounds", "sconst_0 stableswitch 0 5 0 2 0 0 return",
			"its lower bound is above its upper bound"},
		{"switch size", "sconst_0 slookupswitch 0 5 0x7F 0xFF return",
			"do not fit into the method"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := program{desc: "()V", code: c.code}.run(t, newVM(t, Limits{}), prepare)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestMissingImportsAreRefusedByName(t *testing.T) {
	for _, c := range []struct {
		want string
		info []byte
	}{
		{"calls javacard/framework/Probe.unbound()V, which this card does not implement",
			[]byte{6, 0x81, 5, 4}},
		{"static method 9 of class javacard/framework/Probe, which the card lacks",
			[]byte{6, 0x81, 5, 9}},
		{"class 99 of package javacard/framework, which the card lacks", []byte{1, 0x81, 99, 0}},
		{"method 7 of class java/lang/Object, which the card lacks", []byte{3, 0x80, 0, 7}},
	} {
		_, err := program{desc: "()V", code: "return"}.run(t, newVM(t, Limits{}), func(b *builder) {
			b.constants = append(b.constants, c.info...)
		})
		require.ErrorContains(t, err, c.want)
	}
	b := newBuilder(t, 1)
	b.imports[1] = []byte{9, 9, 9, 9, 9}
	b.export(b.class(external(0, 0), 0, 0xFF, 0, 1), b.method(0, 0, 0, "return"))
	_, err := newVM(t, Limits{}).Load(b.file())
	require.ErrorContains(t, err,
		"it imports package 0909090909, which is not on the card; load that first")
}
