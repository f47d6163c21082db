package vm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona/emulator/cap"
)

// FuzzRun loads a damaged package and runs its methods: whatever the bytecode
// does, it ends as a result, a Java exception or a card fault.
func FuzzRun(f *testing.F) {
	add := func(codes ...string) {
		b := newBuilder(f, 1)
		for class := byte(0); class < 5; class++ {
			b.constant(cap.ConstClass, 0x80, class, 0)
		}
		b.constant(cap.ConstStaticMethod, 0x81, 5, 0)
		b.constant(cap.ConstStaticMethod, 0, 0, 1+8)
		b.constant(cap.ConstInstanceField, 0, 0, 0)
		b.constant(cap.ConstInstanceField, 0, 0, 1)
		b.constant(cap.ConstStaticField, 0, 0, 0)
		b.constant(cap.ConstVirtualMethod, 0x80, 0, 0)
		b.constant(cap.ConstClass, 0, 0, 0)
		b.statics = append(append(append(u2(4), u2(1)...), u2(0)...), 0, 2, 0, 0)
		b.handler(1, 0, 6, 4, 0)
		var methods []int
		for _, code := range codes {
			methods = append(methods, b.method(1, 3, 8, code))
		}
		b.export(b.class(external(0, 0), 3, 0, 1, 1), methods...)
		f.Add(b.block())
	}
	add("sload_0 sconst_1 swap_x 0x11 pop sreturn", "aload_0 sload_0 baload sreturn")
	add("new 0 11 astore_1 aload_1 aload_1 putfield_a 7 aload_1 getfield_a 7 getfield_s 8 sreturn")
	add("iconst_1 istore_1 iload_1 bipush 7 ishl iinc 1 -1 ilookupswitch 0 9 0 1 0 0 0 1 0 5 iconst_0 ireturn")
	add("sload_0 stableswitch 0 11 0 0 0 1 0 11 0 12 return sconst_5 newarray 12 sconst_1 sload_0 sastore return")
	add("jsr 0 5 return pop astore_1 ret 1", "sload_0 invokestatic 0 5 return")
	add("aload_0 checkcast 0 0 1 athrow", "aload_0 aload_0 invokevirtual 0 10 sreturn")
	add("aload_0 putstatic_a 0 9 getstatic_a 0 9 sconst_0 aaload areturn")
	f.Fuzz(func(t *testing.T, block []byte) {
		file, err := cap.ParseLoadFile(block)
		if err != nil {
			return
		}
		v := newVM(t, Limits{Budget: 2000, NVMBytes: 1 << 16, RAMBytes: 1 << 12, CommitBytes: 512})
		p, err := v.Load(file)
		if err != nil {
			requireNoBug(t, err)
			return
		}
		own := v.NewInstance(p, nil)
		require.NoError(t, v.Enter(func(*Call) { v.ActivateInstance(own) }))
		for _, c := range p.classes {
			for _, m := range c.statics {
				if m.args != 1 {
					continue
				}
				m.isStatic = true
				require.NoError(t, m.describe("(S)V"))
				for arg := int16(-1); arg < 4; arg++ {
					requireNoBug(t, v.Enter(func(c *Call) { c.InvokeAs(own, m, ShortValue(arg)) }))
					v.Reset()
				}
			}
		}
		requireNoBug(t, func() error { _, err := v.Collect(); return err }())
		_, err = v.Save()
		require.NoError(t, err)
	})
}
