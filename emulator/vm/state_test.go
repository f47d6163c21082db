package vm

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

// savedWorld is a machine with two packages, one of which imports the other,
// objects of every kind, free references and statics.
func savedWorld(t testing.TB) (*VM, Config) {
	cfg := Config{API: linkedTestAPI(t), Random: bytes.NewReader(nil)}
	v, err := New(cfg)
	require.NoError(t, err)
	first := newBuilder(t, 1)
	first.statics = append(append(append(u2(5), u2(1)...), u2(1)...), 3, 0, 3, 1, 2, 3)
	first.statics = append(append(first.statics, u2(1)...), u2(2)...)
	first.statics = append(first.statics, 7, 8)
	first.export(first.class(external(0, 0), 0, 0xFF, 0, 1), first.method(0, 0, 1, "return"))
	_, err = v.Load(first.file())
	require.NoError(t, err)
	second := newBuilder(t, 2)
	second.imports = append(second.imports, first.aid)
	second.constant(6, 0x82, 0, 0)
	second.export(second.class(external(0, 0), 2, 0, 1, 1),
		second.method(0, 0, 1, "invokestatic 0 0 return"))
	p, err := v.Load(second.file())
	require.NoError(t, err)
	own := v.NewInstance(p, []byte{1, 2, 3, 4, 5, 6})
	require.NoError(t, v.Enter(func(c *Call) {
		v.ActivateInstance(own)
		v.runAs(own, func(c *Call) {
			junk := c.NewByteArray(1, Persistent)
			list := c.NewRefArray(classObject, 3, Persistent)
			c.SetElement(list, 0, RefValue(c.NewByteArray(5, Persistent)))
			c.SetElement(list, 1, RefValue(c.NewArray(IntArray, 2, Persistent)))
			c.SetElement(list, 2, RefValue(v.newInstance(p.classes[0], own, Persistent, 0)))
			c.SetElement(c.Element(list, 1).Ref(), 1, -70000)
			c.PutBytes(c.NewByteArray(0, Persistent), 0, nil)
			c.PutBytes(c.NewByteArray(4, ClearOnReset), 0, []byte{1, 2, 3, 4})
			c.SetRoot("list", list)
			c.Delete(junk)
		})
	}))
	return v, cfg
}

func TestStateComesBack(t *testing.T) {
	v, cfg := savedWorld(t)
	state, err := v.Save()
	require.NoError(t, err)
	again, err := Restore(cfg, state)
	require.NoError(t, err)
	state2, err := again.Save()
	require.NoError(t, err)
	require.Equal(t, state, state2)
	require.NoError(t, again.Enter(func(c *Call) {
		list := c.Root("list")
		require.Equal(t, Value(-70000), c.Element(c.Element(list, 1).Ref(), 1))
		require.Equal(t, Instance(1), c.OwnerOf(list))
		require.Equal(t, v.heap.nvmBytes, again.heap.nvmBytes)
		require.Equal(t, v.heap.freeRefs, again.heap.freeRefs)
		require.Equal(t, v.heap.corBytes, again.heap.corBytes)
	}))
	_, err = v.InstallMethod(v.packages[1], nil)
	require.Error(t, err)
}

func TestDamagedStateIsRefused(t *testing.T) {
	v, cfg := savedWorld(t)
	state, err := v.Save()
	require.NoError(t, err)
	for n := range state {
		_, err := Restore(cfg, state[:n])
		require.Error(t, err, "%d of %d bytes", n, len(state))
		altered := bytes.Clone(state)
		altered[n] ^= 0x40
		_, err = Restore(cfg, altered)
		require.Error(t, err, "byte %d altered", n)
	}
	other := cfg
	packages, natives := testAPI()
	packages[1].Minor++
	other.API, err = LinkAPI(packages, natives)
	require.NoError(t, err)
	_, err = Restore(other, state)
	require.ErrorContains(t, err, "other API classes")
}

func TestStateIsSavedAtRestOnly(t *testing.T) {
	v, _ := savedWorld(t)
	require.NoError(t, v.Enter(func(c *Call) {
		_, err := v.Save()
		require.Error(t, err)
		c.BeginTransaction()
	}))
	_, err := v.Save()
	require.ErrorContains(t, err, "not at rest")
	v.Reset()
	_, err = v.Save()
	require.NoError(t, err)
	v.NewInstance(v.packages[2], nil)
	_, err = v.Save()
	require.ErrorContains(t, err, "installation has not ended")
	v.Reset()
	_, err = v.Save()
	require.NoError(t, err)
}

// FuzzRestore damages the state and makes its checksum fit again: nothing
// panics, and what is accepted runs without an error of ours.
func FuzzRestore(f *testing.F) {
	v, cfg := savedWorld(f)
	state, err := v.Save()
	require.NoError(f, err)
	f.Add(state[:len(state)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) { restoreAndUse(t, cfg, body) })
}

// FuzzPatchedState is FuzzRestore of states that are nearly right: each three bytes are
// an offset and the byte to put there.
func FuzzPatchedState(f *testing.F) {
	v, cfg := savedWorld(f)
	state, err := v.Save()
	require.NoError(f, err)
	state = state[:len(state)-sha256.Size]
	for at := len(stateMagic); at < len(state); at += 7 {
		f.Add([]byte{byte(at >> 8), byte(at), state[at] + 1})
	}
	f.Fuzz(func(t *testing.T, patches []byte) {
		body := bytes.Clone(state)
		for ; len(patches) >= 3; patches = patches[3:] {
			body[(int(patches[0])<<8|int(patches[1]))%len(body)] = patches[2]
		}
		restoreAndUse(t, cfg, body)
	})
}

func restoreAndUse(t *testing.T, cfg Config, body []byte) {
	sum := sha256.Sum256(body)
	v, err := Restore(cfg, append(bytes.Clone(body), sum[:]...))
	if err != nil {
		return
	}
	for r := range v.heap.objects {
		v.Reset()
		requireNoBug(t, v.Enter(func(c *Call) { touch(c, Ref(r)) }))
	}
	v.Reset()
	v.gcRequested = true
	_, err = v.CollectIfRequested()
	requireNoBug(t, err)
	state, err := v.Save()
	require.NoError(t, err)
	again, err := Restore(cfg, state)
	require.NoError(t, err)
	saved, err := again.Save()
	require.NoError(t, err)
	require.Equal(t, state, saved)
}

// touch does to one object what bytecode may do to it.
func touch(c *Call, r Ref) {
	o := c.vm.heap.objects[r]
	switch {
	case o == nil:
		return
	case !o.isArray():
		c.InstanceOf(r, classObject)
	case o.kind == BooleanArray || o.kind == ByteArray:
		c.PutBytes(r, 0, c.Bytes(r, 0, c.Length(r)))
	default:
		for i := range c.Length(r) {
			c.SetElement(r, i, c.Element(r, i))
		}
	}
	c.BeginTransaction()
	c.SetRoot("list", r)
	c.AbortTransaction()
}

// requireNoBug accepts every way in which a call may end but an error of ours.
func requireNoBug(t *testing.T, err error) {
	if bug, ok := err.(*InternalError); ok {
		t.Fatal(bug)
	}
}
