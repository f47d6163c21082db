package vm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/cap"
)

// world is a package with a class hierarchy, loaded and with two instances of
// applets, so that there are two owners in one context.
type world struct {
	v   *VM
	pkg *Package
	own Instance
	run func(desc string, off int, args ...Value) (Value, error)
}

func newWorld(t testing.TB, v *VM, aid byte, build func(b *builder)) *world {
	b := newBuilder(t, aid)
	build(b)
	pkg, err := v.Load(b.file())
	require.NoError(t, err)
	w := &world{v: v, pkg: pkg, own: v.NewInstance(pkg, nil)}
	require.NoError(t, v.Enter(func(*Call) { v.ActivateInstance(w.own) }))
	w.run = func(desc string, off int, args ...Value) (result Value, err error) {
		m := static(t, pkg, off, desc)
		err = v.Enter(func(c *Call) { result = c.InvokeAs(w.own, m, args...) })
		return result, err
	}
	return w
}

// TestFieldsAndStatics: a class with a reference, a short, an int and a byte,
// each written and read by every form of the instructions, and statics of each
// width.
func TestFieldsAndStatics(t *testing.T) {
	const object, short, integer, narrow, class = 0, 1, 2, 3, 4
	var methods []int
	names := []string{"short", "short_w", "byte narrows", "int", "int_w", "ref", "this",
		"static short", "static int", "static byte", "static ref"}
	v := newVM(t, Limits{})
	w := newWorld(t, v, 1, func(b *builder) {
		for slot, token := range []byte{0, 1, 2, 4} { // the int takes cells 2 and 3
			require.Equal(t, slot, b.constant(cap.ConstInstanceField, 0, 0, token))
		}
		b.constant(cap.ConstClass, 0, 0, 0)
		b.constant(cap.ConstStaticField, 0, 0, 0) // 5: reference
		b.constant(cap.ConstStaticField, 0, 0, 2) // 6: byte, first value -1
		b.constant(cap.ConstStaticField, 0, 0, 3) // 7: short, first value 0x0102
		b.constant(cap.ConstStaticField, 0, 0, 5) // 8: int, first value 0x7FFFFFFF
		b.statics = append(append(append(u2(9), u2(1)...), u2(0)...), u2(0)...)
		b.statics = append(append(b.statics, u2(7)...), 0xFF, 1, 2, 0x7F, 0xFF, 0xFF, 0xFF)
		add := func(args int, code string) { methods = append(methods, b.method(args, 3, 8, code)) }
		add(1, "new 0 4 astore_1 aload_1 sload_0 putfield_s 1 aload_1 getfield_s 1 sreturn")
		add(1, "new 0 4 astore_1 aload_1 sload_0 putfield_s_w 0 1 aload_1 getfield_s_w 0 1 sreturn")
		add(1, "new 0 4 astore_1 aload_1 sload_0 putfield_b 3 aload_1 getfield_b 3 sreturn")
		add(2, "new 0 4 astore_2 aload_2 iload_0 putfield_i 2 aload_2 getfield_i 2 ireturn")
		add(2, "new 0 4 astore_2 aload_2 iload_0 putfield_i_w 0 2 aload_2 getfield_i_w 0 2 ireturn")
		add(0, "new 0 4 astore_1 aload_1 aload_1 putfield_a 0 aload_1 getfield_a_w 0 0 aload_1 "+
			"if_acmpeq 4 sconst_0 sreturn sconst_1 sreturn")
		add(1, "sload_0 sstore_1 new 0 4 astore_0 sload_1 putfield_s_this 1 iconst_5 "+
			"putfield_i_this 2 aload_0 putfield_a_this 0 sconst_m1 putfield_b_this 3 "+
			"getfield_s_this 1 getfield_i_this 2 i2s sadd getfield_b_this 3 sadd getfield_a_this "+
			"0 pop sreturn")
		add(1, "sload_0 getstatic_s 0 7 sadd putstatic_s 0 7 getstatic_s 0 7 sreturn")
		add(0, "getstatic_i 0 8 iconst_1 iadd putstatic_i 0 8 getstatic_i 0 8 ireturn")
		add(0, "getstatic_b 0 6 dup sspush 0x01 0x7F putstatic_b 0 6 getstatic_b 0 6 sadd sadd "+
			"sreturn")
		add(0, "new 0 4 putstatic_a 0 5 getstatic_a 0 5 getfield_s 1 sreturn")
		b.export(b.class(external(0, 0), 5, 0, 1, 1), methods...)
	})
	for i, c := range []struct {
		desc string
		args []Value
		want int32
	}{
		{"(S)S", []Value{-300}, -300},
		{"(S)S", []Value{-301}, -301},
		{"(S)S", []Value{0x1FE}, -2},
		{"(I)I", []Value{-70000}, -70000},
		{"(I)I", []Value{70001}, 70001},
		{"()S", nil, 1},
		{"(S)S", []Value{100}, 104},
		{"(S)S", []Value{1}, 0x0103},
		{"()I", nil, -2147483648},
		{"()S", nil, -1 - 1 + 127},
		{"()S", nil, 0},
	} {
		got, err := w.run(c.desc, methods[i], c.args...)
		require.NoError(t, err, names[i])
		require.Equal(t, c.want, got.Int(), names[i])
	}
}

// TestDispatch: Base has area() = 1 and twice() = 2*area(); Derived overrides
// area() with super.area()+4 and implements the native interface Shareable and
// an interface of its own by area().
func TestDispatch(t *testing.T) {
	var viaVirtual, viaInterface, viaBase int
	w := newWorld(t, newVM(t, Limits{}), 1, func(b *builder) {
		area := b.method(1, 0, 4, "sconst_1 sreturn")
		twice := b.method(1, 0, 4, "aload_0 invokevirtual 0 1 sconst_2 smul sreturn")
		derivedArea := b.method(1, 0, 4, "aload_0 invokespecial 0 4 sconst_4 sadd sreturn")
		viaVirtual = b.method(0, 0, 4, "new 0 3 invokevirtual 0 2 sreturn")
		viaInterface = b.method(0, 0, 4, "new 0 3 invokeinterface 1 0 5 0 sreturn")
		viaBase = b.method(0, 0, 4, "new 0 0 invokevirtual 0 2 sreturn")
		b.classes = append(b.classes, 0xC0) // an interface, shareable, without superinterfaces
		base := b.class(external(0, 0), 0, 0xFF, 0, 1, area, twice)
		derived := b.class(u2(base), 0, 0xFF, 0, 1, derivedArea)
		b.classes[derived]++ // implements one interface
		b.classes = append(b.classes, 0, 0, 1, 1)
		b.constant(cap.ConstClass, byte(base>>8), byte(base), 0)
		b.constant(cap.ConstVirtualMethod, byte(base>>8), byte(base), 1)
		b.constant(cap.ConstVirtualMethod, byte(base>>8), byte(base), 2)
		b.constant(cap.ConstClass, byte(derived>>8), byte(derived), 0)
		b.constant(cap.ConstSuperMethod, byte(derived>>8), byte(derived), 1)
		b.constant(cap.ConstClass, 0, 0, 0)
		b.export(base, viaVirtual, viaInterface, viaBase)
	})
	for off, want := range map[int]int16{viaVirtual: 10, viaInterface: 5, viaBase: 2} {
		got, err := w.run("()S", off)
		require.NoError(t, err)
		require.Equal(t, want, got.Short())
	}
}

// TestFirewall: what bytecode of one package may do with objects of another,
// of the runtime environment, and of its own (JCRE 3.0.5 §6.2.8).
func TestFirewall(t *testing.T) {
	v := newVM(t, Limits{})
	methods := map[string]int{}
	descs := map[string]string{}
	mine := newWorld(t, v, 1, func(b *builder) {
		b.constant(cap.ConstClass, 0x80, 0, 0)         // 0: Object
		b.constant(cap.ConstVirtualMethod, 0x80, 0, 0) // 1: Object.equals
		b.constant(cap.ConstStaticField, 0, 0, 0)      // 2
		b.constant(cap.ConstClass, 0x80, 1, 0)         // 3: Throwable
		b.constant(cap.ConstClass, 0x81, 4, 0)         // 4: Shareable
		b.statics = append(append(u2(2), u2(1)...), make([]byte, 6)...)
		add := func(name, desc, code string) {
			methods[name], descs[name] = b.method(1, 1, 6, code), desc
		}
		add("read", "([B)S", "aload_0 sconst_0 baload sreturn")
		add("write", "([B)V", "aload_0 sconst_0 sconst_1 bastore return")
		add("length", "([B)S", "aload_0 arraylength sreturn")
		add("call", "([B)S", "aload_0 aload_0 invokevirtual 0 1 sreturn")
		add("keep in static", "([B)V", "aload_0 putstatic_a 0 2 return")
		add("keep in array", "([B)V", "sconst_1 anewarray 0 0 sconst_0 aload_0 aastore return")
		add("throw", "([B)V", "aload_0 athrow")
		add("test class", "([B)S", "aload_0 instanceof 0 0 0 sreturn")
		add("test shareable", "([B)S", "aload_0 instanceof 0 0 4 sreturn")
		var list []int
		for _, name := range []string{"read", "write", "length", "call", "keep in static",
			"keep in array", "throw", "test class", "test shareable"} {
			list = append(list, methods[name])
		}
		b.export(b.class(external(0, 0), 0, 0xFF, 0, 1), list...)
	})
	other := newWorld(t, v, 2, func(b *builder) {
		b.export(b.class(external(0, 0), 0, 0xFF, 0, 1), b.method(0, 0, 0, "return"))
	})
	objects := map[string]Ref{}
	alloc := func(as Instance, name string, f func(c *Call) Ref) {
		require.NoError(t, v.Enter(func(c *Call) {
			v.runAs(as,
				func(c *Call) { objects[name] = f(c) })
		}))
		require.NoError(t, v.Enter(func(c *Call) { c.SetRoot(name, objects[name]) }))
	}
	plain := func(c *Call) Ref { return c.NewByteArray(4, Persistent) }
	alloc(mine.own, "mine", plain)
	alloc(other.own, "other's", plain)
	alloc(0, "global", func(c *Call) Ref {
		return c.NewJCREArray(ByteArray, 4, ClearOnReset,
			GlobalArray)
	})
	alloc(0, "entry point",
		func(c *Call) Ref { return c.NewJCREObject(classArithmetic, Persistent, EntryPoint) })
	alloc(0, "temporary",
		func(c *Call) Ref {
			return c.NewJCREObject(classArithmetic, Persistent,
				EntryPoint|Temporary)
		})
	alloc(0, "private", func(c *Call) Ref {
		return c.NewJCREObject(classArithmetic, Persistent,
			0)
	})

	const allowed, refused = "", classSecurity
	for _, c := range []struct{ object, use, want string }{
		{"mine", "read", allowed}, {"mine", "write", allowed}, {"mine", "length", allowed},
		{"mine", "call", allowed},
		{"mine", "keep in static", allowed}, {"mine", "keep in array", allowed},
		{"mine", "test class", allowed},
		{"other's", "read", refused}, {"other's", "write", refused}, {"other's", "length", refused},
		{"other's", "call", refused},
		{"other's", "throw", refused}, {"other's", "test class", refused},
		{"other's", "test shareable", allowed},
		{"other's", "keep in static", allowed}, {"other's", "keep in array", allowed},
		{"global", "read", allowed}, {"global", "write", allowed}, {"global", "length", allowed},
		{"global", "call", allowed},
		{"global", "keep in static", refused}, {"global", "keep in array", refused},
		{"entry point", "call", allowed}, {"entry point", "keep in static", allowed},
		{"entry point", "test class", allowed},
		{"entry point", "throw", classArithmetic}, {"temporary", "throw", classArithmetic},
		{"temporary", "call", allowed}, {"temporary", "keep in static", refused},
		{"temporary", "keep in array", refused},
		{"private", "call", refused}, {"private", "throw", refused},
		{"private", "test class", refused},
	} {
		t.Run(c.use+" "+c.object, func(t *testing.T) {
			_, err := mine.run(descs[c.use], methods[c.use], RefValue(objects[c.object]))
			if c.want == allowed {
				require.NoError(t, err)
				return
			}
			var e *JavaException
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.want, e.Class)
		})
	}
}

func TestDeselectClearsItsMemory(t *testing.T) {
	v := newVM(t, Limits{RAMBytes: 100})
	load := func(aid byte) *world {
		return newWorld(t, v, aid, func(b *builder) {
			b.export(b.class(external(0, 0), 0, 0xFF, 0, 1), b.method(0, 0, 0, "return"))
		})
	}
	a, b := load(1), load(2)
	allocate := func(w *world, n int) (r Ref, err error) {
		v.Select(w.own)
		err = v.Enter(func(*Call) {
			v.runAs(w.own, func(c *Call) {
				r = c.NewByteArray(n, ClearOnDeselect)
				c.PutBytes(r, 0, []byte{9})
			})
		})
		return r, err
	}
	first, err := allocate(a, 80)
	require.NoError(t, err)
	_, err = allocate(b, 80)
	require.NoError(t, err, "contexts share the space")
	read := func(w *world) (x byte, err error) {
		err = v.Enter(func(*Call) { v.runAs(w.own, func(c *Call) { x = c.Bytes(first, 0, 1)[0] }) })
		return x, err
	}
	var e *JavaException
	_, err = read(a)
	require.ErrorAs(t, err, &e, "its applet is not selected")
	require.Equal(t, classSecurity, e.Class)
	v.Select(a.own)
	x, err := read(a)
	require.NoError(t, err)
	require.Zero(t, x, "cleared when the other applet was selected")
}

func TestInstancesAndPackagesAreDeletedInOrder(t *testing.T) {
	v := newVM(t, Limits{})
	w := newWorld(t, v, 1, func(b *builder) {
		b.export(b.class(external(0, 0), 0, 0xFF, 0, 1), b.method(0, 0, 0, "return"))
	})
	free := func() (n int) {
		require.NoError(t, v.Enter(func(c *Call) { n = v.heap.nvmBytes }))
		return n
	}
	before := free()
	require.NoError(t, v.Enter(func(*Call) {
		v.runAs(w.own, func(c *Call) { c.NewByteArray(50, Persistent) })
	}))
	require.Equal(t, before+58, free())
	require.ErrorContains(t, v.DeletePackage(w.pkg), "applet instance 1; delete that first")
	require.NoError(t, v.DeleteInstance(w.own))
	require.Equal(t, before, free())
	require.NoError(t, v.DeletePackage(w.pkg))
	require.Empty(t, v.Packages())
	require.Zero(t, v.heap.codeBytes)
	require.ErrorContains(t, v.DeleteInstance(w.own), "there is no applet instance 1")
}
