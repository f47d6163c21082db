package vm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/cap"
)

// FuzzRun loads a package whose method is the fuzzer's and runs it: whatever
// the bytecode does, it is refused, or it ends as a result, a Java exception or
// a card fault.
func FuzzRun(f *testing.F) {
	for _, code := range []string{
		"sload_0 sconst_1 swap_x 0x11 pop sreturn",
		"aload_0 sload_0 baload sreturn",
		"new 0 11 astore_1 aload_1 aload_1 putfield_a 7 aload_1 getfield_a 7 getfield_s 8 sreturn",
		"iconst_1 istore_1 iload_1 bipush 7 ishl iinc 1 -1 ilookupswitch 0 12 0 1 0 0 0 1 0 12 " +
			"return iconst_0 ireturn",
		"sload_0 stableswitch 0 12 0 0 0 1 0 11 0 12 return sconst_5 newarray 12 sconst_1 " +
			"sload_0 sastore return",
		"jsr 0 5 return pop astore_1 ret 1",
		"sload_0 invokestatic 0 5 return",
		"sload_0 invokestatic 0 6 sreturn",
		"aload_0 checkcast 0 0 1 athrow",
		"aload_0 aload_0 invokevirtual 0 10 sreturn",
		"aload_0 putstatic_a 0 9 getstatic_a 0 9 sconst_0 aaload areturn",
		"sconst_5 anewarray 0 0 astore_1 aload_1 sconst_0 aload_1 aastore aload_1 sconst_0 " +
			"aaload sload_0 dup_x 0x12 return",
		"aload_0 invokeinterface 1 0 4 0 return",
		"aload_0 sconst_2 iconst_m1 iastore getfield_i_w 0 8 i2s putfield_s_this 8 if_scmplt_w " +
			"0xFF 0xF0 goto -2",
		"invokestatic 0 12 new 0 11 dup putstatic_a 0 9 dup dup putfield_a 7 iconst_1 putfield_i " +
			"8 invokestatic 0 13 getstatic_a 0 9 areturn",
		"invokestatic 0 12 sconst_5 newarray 11 dup sconst_1 sload_0 bastore putstatic_a 0 9 " +
			"sload_0 invokestatic 0 5 return",
	} {
		f.Add(assemble(f, code))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		if len(code) > 1000 {
			return
		}
		file := fuzzedPackage(t, code)
		v := newVM(t, Limits{Budget: 2000, NVMBytes: 1 << 16, RAMBytes: 1 << 12, CommitBytes: 512})
		p, err := v.Load(file)
		if err != nil {
			requireNoBug(t, err)
			return
		}
		own := v.NewInstance(p, nil)
		require.NoError(t, v.Enter(func(*Call) { v.ActivateInstance(own) }))
		m := static(t, p, fuzzedMethod, "(S)S")
		for arg := int16(-1); arg < 4; arg++ {
			v.CutBefore(int(arg) * 2)
			requireNoBug(t, v.Enter(func(c *Call) { c.InvokeAs(own, m, ShortValue(arg)) }))
			v.Reset()
		}
		_, err = v.Collect()
		requireNoBug(t, err)
		_, err = v.Save()
		require.NoError(t, err)
	})
}

// fuzzedMethod is where the fuzzed method's header is, behind one handler.
const fuzzedMethod = 1 + 8

func fuzzedPackage(t *testing.T, code []byte) *cap.File {
	b := newBuilder(t, 1)
	for class := byte(0); class < 5; class++ {
		package0 := byte(0x80)
		if class == 4 {
			package0 = 0x81 // Shareable
		}
		b.constant(cap.ConstClass, package0, class, 0)
	}
	b.constant(cap.ConstStaticMethod, 0x81, 5, 0)
	b.constant(cap.ConstStaticMethod, 0, 0, fuzzedMethod)
	b.constant(cap.ConstInstanceField, 0, 0, 0)
	b.constant(cap.ConstInstanceField, 0, 0, 1)
	b.constant(cap.ConstStaticField, 0, 0, 0)
	b.constant(cap.ConstVirtualMethod, 0x80, 0, 0)
	b.constant(cap.ConstClass, 0, 0, 0)
	b.constant(cap.ConstStaticMethod, 0x81, 5, 2) // 12: begin
	b.constant(cap.ConstStaticMethod, 0x81, 5, 3) // 13: abort
	b.statics = append(append(append(u2(4), u2(1)...), u2(0)...), 0, 2, 0, 0)
	b.handler(1, 4, 6, 4, 0)
	m := b.method(1, 3, 8, "")
	b.methods = append(b.methods, code...)
	b.method(0, 0, 0, "nop nop nop nop nop nop return") // so that the handler's range exists
	b.export(b.class(external(0, 0), 3, 0, 1, 1), m)
	return b.file()
}
