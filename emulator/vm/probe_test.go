package vm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/cap"
)

// The methods of the package that the tests of probes run.
const (
	probedAdd    = iota // ()S: 1 + 2
	probedBranch        // (S)S: 10 if it is 0, else 20
	probedSwitch        // (S)S: the same by a switch
	probedLast          // ()V: nothing, but its return
	probedCaller        // ()S: what probedAdd returns, plus 1
	probedSum           // ()I: the native's sum of 1, 2 and 3
	probedArray         // ([B)S: stores 5 at 1 and reads it
	probedField         // ()S: stores 7 in a field of a new object and reads it
	probedStatic        // ()S: stores 9 in a static field and reads it
	probedCaught        // ()S: 3 if what it throws is caught at once, 4 further out, 0 not at all
)

func probedWorld(t testing.TB) (*world, [10]int) {
	var methods [10]int
	w := newWorld(t, newVM(t, Limits{}), 1, func(b *builder) {
		b.statics = append(append(append(u2(2), u2(0)...), u2(0)...), append(u2(2), u2(0)...)...)
		const header = 4
		b.handler(2, header+3, 2, header+7, 0)
		b.handler(2, header+3, 2|1<<15, header+10, 0)
		methods[probedCaught] = b.method(0, 1, 6, "sconst_0 ifne 4 aconst_null athrow "+
			"sconst_0 sreturn pop sconst_3 sreturn pop sconst_4 sreturn")
		for i, m := range []struct {
			args int
			code string
		}{
			{0, "sconst_1 sconst_2 sadd sreturn"},
			{1, "sload_0 ifeq 5 bspush 20 sreturn bspush 10 sreturn"},
			{1, "sload_0 stableswitch 0 9 0 0 0 0 0 12 bspush 10 sreturn bspush 20 sreturn"},
			{0, "return"},
			{0, "invokestatic 0 0 sconst_1 sadd sreturn"},
			{0, "sconst_1 iconst_2 sconst_3 invokestatic 0 1 ireturn"},
			{1, "aload_0 sconst_1 sconst_5 bastore aload_0 sconst_1 baload sreturn"},
			{0, "new 0 2 astore_0 aload_0 bspush 7 putfield_s 3 aload_0 getfield_s 3 sreturn"},
			{0, "bspush 9 putstatic_s 0 4 getstatic_s 0 4 sreturn"},
		} {
			methods[i] = b.method(m.args, 1, 6, m.code)
		}
		b.constant(cap.ConstStaticMethod, 0, 0, byte(methods[probedAdd]))
		b.constant(cap.ConstStaticMethod, 0x81, 5, 1) // the native sum
		b.constant(cap.ConstClass, 0, 0, 0)
		b.constant(cap.ConstInstanceField, 0, 0, 0)
		b.constant(cap.ConstStaticField, 0, 0, 0)
		b.export(b.class(external(0, 0), 1, 0xFF, 0, 1), methods[:]...)
	})
	return w, methods
}

// at is an Instruction function that has action done before the instruction of that name.
func at(mnemonic string, action Action) Probe {
	return Probe{Instruction: func(s Site) Action {
		if s.Instruction().Mnemonic == mnemonic {
			return action
		}
		return Action{}
	}}
}

// calls is a Call function that has action done at the call of a native, or of bytecode.
func calls(native bool, action Action) Probe {
	return Probe{Call: func(i *Invocation) Action {
		if i.Method != nil && (i.Callee.native != nil) == native {
			return action
		}
		return Action{}
	}}
}

func returns(action Action) Probe {
	return Probe{Return: func(i *Invocation) Action {
		bytecode := i.Callee.native == nil
		if !bytecode || i.Callee.code[i.Callee.start] == 0x04 { // sconst_1: probedAdd, probedSum
			return action
		}
		return Action{}
	}}
}

func reads(action Action) Probe  { return Probe{Read: func(*Access) Action { return action }} }
func writes(action Action) Probe { return Probe{Write: func(*Access) Action { return action }} }

// TestProbeActions: what each action makes of a method's result.
func TestProbeActions(t *testing.T) {
	one := Action{Kind: Replace, Value: 0x1FF81}
	for _, tt := range []struct {
		name   string
		probe  Probe
		method int
		want   Value
	}{
		{"without a probe", Probe{}, probedAdd, 3},
		{"an instruction goes on", at("sadd", Action{}), probedAdd, 3},
		{"an instruction is skipped: its operands stay", at("sadd", Action{Kind: Skip}), probedAdd,
			2},
		{"its results are replaced", at("sadd", one), probedAdd, -127},
		{"a constant is replaced", at("sconst_2", Action{Kind: Replace, Value: 9}), probedAdd, 10},
		{"without a probe, branch", Probe{}, probedBranch, 10},
		{"a branch is inverted", at("ifeq", Action{Kind: Invert}), probedBranch, 20},
		{"a branch is skipped", at("ifeq", Action{Kind: Replace}), probedBranch, 20},
		{"without a probe, switch", Probe{}, probedSwitch, 20},
		{"a switch is passed over", at("stableswitch", Action{Kind: Replace}), probedSwitch, 10},
		{"without a probe, call", Probe{}, probedCaller, 4},
		{"a call is skipped", calls(false, Action{Kind: Skip}), probedCaller, 1},
		{"a call is skipped and has a result", calls(false, one), probedCaller, -126},
		{"another result comes back", returns(one), probedCaller, -126},
		{"without a probe, native", Probe{}, probedSum, 6},
		{"a native is skipped", calls(true, Action{Kind: Skip}), probedSum, 0},
		{"a native is skipped and has a result", calls(true, one), probedSum, 0x1FF81},
		{"another result of a native", returns(Action{Kind: Replace, Value: 80000}), probedSum,
			80000},
		{"without a probe, array", Probe{}, probedArray, 5},
		{"another element is read", reads(one), probedArray, -127},
		{"another element is written", writes(one), probedArray, -127},
		{"an element is not written", writes(Action{Kind: Skip}), probedArray, 3},
		{"without a probe, field", Probe{}, probedField, 7},
		{"another field is read", reads(one), probedField, -127},
		{"another field is written", writes(Action{Kind: Replace, Value: 0x12345}), probedField,
			0x2345},
		{"a field is not written", writes(Action{Kind: Skip}), probedField, 0},
		{"without a probe, static", Probe{}, probedStatic, 9},
		{"another static is read", reads(one), probedStatic, -127},
		{"another static is written", writes(one), probedStatic, -127},
		{"a static is not written", writes(Action{Kind: Skip}), probedStatic, 0},
		{"an operand is altered", at("sadd", Action{Kind: Alter, Index: 1, Value: 0x10009}),
			probedAdd, 11},
		{"a branch goes less far", at("ifeq", Action{Kind: Jump, Value: -2}), probedBranch, 20},
		{"a switch goes less far", at("stableswitch", Action{Kind: Jump, Value: -2}), probedSwitch,
			10},
		{"an argument is altered", calls(true, Action{Kind: Alter, Index: 3, Value: 9}), probedSum,
			12},
		{"without a probe, caught", Probe{}, probedCaught, 3},
		{"an exception is caught further out", Probe{Throw: always(Pass)}, probedCaught, 4},
		{"an exception is not dispatched", Probe{Throw: always(Skip)}, probedCaught, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, methods := probedWorld(t)
			array := w.array(t, 2, 3)
			w.v.probe = tt.probe
			descriptor, args := "()S", []Value(nil)
			switch tt.method {
			case probedBranch, probedSwitch:
				descriptor, args = "(S)S", []Value{0}
			case probedArray:
				descriptor, args = "([B)S", []Value{RefValue(array)}
			case probedSum:
				descriptor = "()I"
			}
			got, err := w.run(descriptor, methods[tt.method], args...)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

// array makes a byte array of the world's applet.
func (w *world) array(t testing.TB, content ...byte) (r Ref) {
	require.NoError(t, w.v.Enter(func(c *Call) {
		w.v.runAs(w.own, func(c *Call) {
			r = c.NewByteArray(len(content), Persistent)
			c.PutBytes(r, 0, content)
		})
	}))
	return r
}

// TestProbeCuts: power goes before the event, whatever it is.
func TestProbeCuts(t *testing.T) {
	cut := Action{Kind: Cut}
	for name, probe := range map[string]Probe{
		"instruction": at("bastore", cut), "read": reads(cut), "write": writes(cut),
		"call":   {Call: func(*Invocation) Action { return cut }},
		"return": {Return: func(*Invocation) Action { return cut }},
	} {
		t.Run(name, func(t *testing.T) {
			w, methods := probedWorld(t)
			array := w.array(t, 2, 3)
			w.v.probe = probe
			_, err := w.run("([B)S", methods[probedArray], RefValue(array))
			require.ErrorAs(t, err, new(*PowerCut))
			require.False(t, w.v.Powered())
			w.v.probe = Probe{}
			w.v.Reset()
			written := name == "read" || name == "return"
			assert.Equal(t, written, w.v.heap.objects[array].bytes[1] == 5)
		})
	}
}

// TestProbeRefusals: what no machine can do is a fault of the card, or of the probe.
func TestProbeRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		probe  Probe
		method int
		fault  FaultKind // "" for a ProbeMisuse
	}{
		{"nothing follows", at("return", Action{Kind: Skip}), probedLast, FaultCode},
		{"too few operands are left", at("sconst_2", Action{Kind: Skip}), probedAdd, FaultStack},
		{"no branch to invert", at("sadd", Action{Kind: Invert}), probedAdd, ""},
		{"no action", at("sadd", Action{Kind: Pass}), probedAdd, ""},
		{"an invocation has its own event", at("invokestatic", Action{Kind: Replace}), probedCaller,
			""},
		{"no such operand", at("sadd", Action{Kind: Alter, Index: 2}), probedAdd, FaultStack},
		{"no such argument", calls(false, Action{Kind: Alter}), probedCaller, FaultStack},
		{"a branch goes further", at("ifeq", Action{Kind: Jump, Value: 1}), probedBranch,
			FaultStack},
		{"the method ends before", at("ifeq", Action{Kind: Jump, Value: 5}), probedBranch,
			FaultCode},
		{"the method begins behind", at("ifeq", Action{Kind: Jump, Value: -9}), probedBranch,
			FaultCode},
		{"no branch to lead astray", at("sadd", Action{Kind: Jump}), probedAdd, ""},
		{"no exception to invert", Probe{Throw: always(Invert)}, probedCaught, ""},
		{"no call to invert", calls(false, Action{Kind: Invert}), probedCaller, ""},
		{"no return to skip", returns(Action{Kind: Skip}), probedCaller, ""},
		{"no read to skip", reads(Action{Kind: Skip}), probedField, ""},
		{"no write to invert", writes(Action{Kind: Invert}), probedField, ""},
		{"no second element", reads(Action{Kind: Replace, Index: 1}), probedField, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, methods := probedWorld(t)
			w.v.probe = tt.probe
			descriptor, args := "()S", []Value(nil)
			switch tt.method {
			case probedLast:
				descriptor = "()V"
			case probedBranch:
				descriptor, args = "(S)S", []Value{0}
			}
			_, err := w.run(descriptor, methods[tt.method], args...)
			if tt.fault == "" {
				require.ErrorAs(t, err, new(*ProbeMisuse))
				require.NotContains(t, err.Error(), "bug")
				return
			}
			var fault *CardFault
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, tt.fault, fault.Kind)
		})
	}
}

// TestAProbeThatFails: a panic in a function of the probe is of who wrote it, and says so; the card
// goes on after a reset.
func TestAProbeThatFails(t *testing.T) {
	w, methods := probedWorld(t)
	nested := Probe{Call: func(*Invocation) Action {
		if err := w.v.Enter(func(*Call) {}); err != nil {
			panic(err)
		}
		return Action{}
	}}
	for _, tt := range []struct {
		name, says string
		probe      Probe
	}{
		{"a panic", "no map", Probe{Instruction: func(Site) Action { panic("no map") }}},
		{"a runtime error", "index out of range", Probe{Read: func(a *Access) Action {
			return Action{Value: []Value{}[a.Length]}
		}}},
		{"the machine is used", "Enter within Enter", nested},
	} {
		w.v.probe = tt.probe
		_, err := w.run("()S", methods[probedField])
		var misuse *ProbeMisuse
		require.ErrorAs(t, err, &misuse, tt.name)
		assert.Contains(t, misuse.What, "its function panicked: ", tt.name)
		assert.ErrorContains(t, err, tt.says, tt.name)
		assert.NotContains(t, err.Error(), "please report", tt.name)
		assert.False(t, w.v.Powered(), tt.name)
		w.v.probe = Probe{}
		w.v.Reset()
		_, err = w.run("()S", methods[probedField])
		require.NoError(t, err, tt.name)
	}
}

// TestProbeOfNatives: what a native reads and writes through its Call is seen, and a byte
// of it can be another.
func TestProbeOfNatives(t *testing.T) {
	v := newVM(t, Limits{})
	var from, to Ref
	require.NoError(t, v.Enter(func(c *Call) {
		from, to = c.NewByteArray(4, Persistent), c.NewByteArray(6, ClearOnReset)
		c.PutBytes(from, 0, []byte{1, 2, 3, 4})
	}))
	type event struct {
		object               Ref
		storage              Storage
		index, length, bytes int
		old, new             Value // of the second element
	}
	var seen []event
	replace := func(object Ref) func(*Access) Action {
		return func(a *Access) Action {
			e := event{a.Object, a.Storage, a.Index, a.Length, a.Bytes, a.Old(1), 0}
			if a.newBytes != nil {
				e.new = a.New(1)
			}
			seen = append(seen, e)
			if a.Object == object {
				return Action{Kind: Replace, Index: 1, Value: 0xFF}
			}
			return Action{}
		}
	}
	copied := func() []byte {
		require.NoError(t, v.Enter(func(c *Call) { c.CopyBytes(from, 1, to, 2, 3, true) }))
		return v.heap.objects[to].bytes
	}
	v.probe = Probe{Read: replace(from)}
	assert.Equal(t, []byte{0, 0, 2, 0xFF, 4, 0}, copied())
	assert.Equal(t, []event{{from, Persistent, 1, 3, 3, 3, 0}}, seen)
	assert.Equal(t, []byte{1, 2, 3, 4}, v.heap.objects[from].bytes, "what was read is as before")

	seen = nil
	v.probe = Probe{Write: replace(to)}
	assert.Equal(t, []byte{0, 0, 2, 0xFF, 4, 0}, copied())
	assert.Equal(t, []event{{to, ClearOnReset, 2, 3, 3, -1, 3}}, seen)

	v.probe = Probe{Read: replace(from)}
	require.NoError(t, v.Enter(func(c *Call) {
		assert.Equal(t, []byte{1, 0xFF, 3}, c.Bytes(from, 0, 3))
	}))
}

// TestProbesAreStacked: each is asked, and the first action is done.
func TestProbesAreStacked(t *testing.T) {
	w, methods := probedWorld(t)
	seen := 0
	count := Probe{Instruction: func(Site) Action { seen++; return Action{} }}
	seven, skip := at("sadd", Action{Kind: Replace, Value: 7}), at("sadd", Action{Kind: Skip})
	w.v.probe = Probes(Probe{}, count, seven, skip, count)
	got, err := w.run("()S", methods[probedAdd])
	require.NoError(t, err)
	assert.Equal(t, Value(7), got)
	assert.Equal(t, 8, seen, "four instructions, and both see each")
	assert.Nil(t, w.v.probe.Call, "no probe has a Call")
	assert.Nil(t, Probes().Instruction)
}

// TestProbeTellsTheDepth of what runs, also after an exception has ended methods.
func TestProbeTellsTheDepth(t *testing.T) {
	w, methods := probedWorld(t)
	var lines []string
	w.v.probe = Probe{
		Instruction: func(s Site) Action {
			lines = append(lines, fmt.Sprintf("%d %s", s.Depth, s.Instruction().Mnemonic))
			return Action{}
		},
		Call: func(i *Invocation) Action {
			lines = append(lines, fmt.Sprintf("%d call %v", i.Depth, i.Arguments))
			return Action{}
		},
		Return: func(i *Invocation) Action {
			lines = append(lines, fmt.Sprintf("%d return %d", i.Depth, i.Result))
			return Action{}
		},
	}
	_, err := w.run("()I", methods[probedSum])
	require.NoError(t, err)
	require.NoError(t, w.v.Enter(func(c *Call) {
		refuse, err := w.v.Method("javacard/framework/Probe", "refuse", "(S)V")
		require.NoError(t, err)
		for range 2 {
			require.NotNil(t, c.Try(func() { c.Invoke(refuse, 0, 7) }))
		}
	}))
	assert.Equal(t, []string{
		"2 call []", "3 sconst_1", "3 iconst_2", "3 sconst_3", "3 invokestatic",
		"3 call [1 0 2 3]", "4 return 6", "3 ireturn", "3 return 6",
		"1 call [7]", "1 call [7]",
	}, lines)
}

// TestAnAbortKeepsWhatAProbeWrote outside the transaction.
func TestAnAbortKeepsWhatAProbeWrote(t *testing.T) {
	v := newVM(t, Limits{})
	var array Ref
	require.NoError(t, v.Enter(func(c *Call) { array = c.NewByteArray(2, Persistent) }))
	v.probe = Probe{Write: func(a *Access) Action {
		if a.Transaction == 0 {
			return Action{Kind: Replace, Index: 0, Value: 8}
		}
		return Action{}
	}}
	require.NoError(t, v.Enter(func(c *Call) {
		c.BeginTransaction()
		c.PutBytes(array, 0, []byte{1, 2})
		c.PutBytesOutside(array, 0, []byte{3})
		c.AbortTransaction()
	}))
	assert.Equal(t, []byte{8, 0}, v.heap.objects[array].bytes)
}
