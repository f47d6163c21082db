package vm

import "testing"

// BenchmarkBytecode measures the interpreter: a loop over a byte array in
// RAM, as an applet's code mostly is. It reports nanoseconds for each bytecode.
func BenchmarkBytecode(b *testing.B) { benchmarkBytecode(b, Probe{}) }

// BenchmarkProbedBytecode is the same with a probe that counts what it is asked, or a part
// of it: what watching costs.
func BenchmarkProbedBytecode(b *testing.B) {
	var n int
	whole := Probe{
		Instruction: func(Site) Action { n++; return Action{} },
		Call:        func(*Invocation) Action { n++; return Action{} },
		Return:      func(*Invocation) Action { n++; return Action{} },
		Read:        func(*Access) Action { n++; return Action{} },
		Write:       func(*Access) Action { n++; return Action{} },
	}
	for name, probe := range map[string]Probe{
		"instructions": {Instruction: whole.Instruction}, "writes": {Write: whole.Write},
		"all": whole,
	} {
		b.Run(name, func(b *testing.B) { benchmarkBytecode(b, probe) })
	}
}

func benchmarkBytecode(b *testing.B, probe Probe) {
	v := newVM(b, Limits{Budget: 1 << 40})
	build := newBuilder(b, 9)
	m := build.method(2, 2, 8, `
		sconst_0 sstore_2
		sload_2 sload_1 if_scmpge 22
		aload_0 sload_2 bspush 31 sand aload_0 sload_2 bspush 31 sand baload sload_2
		sadd s2b bastore
		sinc 2 1
		goto -22
		return`)
	c := build.class(external(0, 0), 0, 0xFF, 0, 1)
	build.export(c, m)
	pkg, err := v.Load(build.file())
	if err != nil {
		b.Fatal(err)
	}
	method := static(b, pkg, m, "([BS)V")
	v.probe = probe
	v.ResetStats()
	b.ResetTimer()
	for b.Loop() {
		if err := v.Enter(func(c *Call) {
			array := c.NewJCREArray(ByteArray, 32, ClearOnReset, Temporary)
			c.Invoke(method, 0, RefValue(array), ShortValue(1000))
			c.Delete(array)
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(v.Stats().Bytecodes), "ns/bytecode")
}

// BenchmarkInvoke measures calls: a recursive method, and a field written and
// read in each of its frames.
func BenchmarkInvoke(b *testing.B) {
	v := newVM(b, Limits{Budget: 1 << 40})
	build := newBuilder(b, 9)
	build.constant(6, 0, 0, 1)
	m := build.method(1, 0, 6, "sload_0 ifne 4 sconst_0 sreturn sload_0 sconst_1 ssub "+
		"invokestatic 0 0 sconst_1 sadd sreturn")
	c := build.class(external(0, 0), 0, 0xFF, 0, 1)
	build.export(c, m)
	pkg, err := v.Load(build.file())
	if err != nil {
		b.Fatal(err)
	}
	method := static(b, pkg, m, "(S)S")
	v.ResetStats()
	for b.Loop() {
		if err := v.Enter(func(c *Call) { c.Invoke(method, 0, ShortValue(100)) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(v.Stats().Invocations), "ns/call")
}
