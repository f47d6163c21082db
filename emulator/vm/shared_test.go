package vm

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// staticArray loads a package whose one static field is the array 1, 2, 3.
func staticArray(t *testing.T, v *VM, number byte) (*Package, Ref) {
	t.Helper()
	b := newBuilder(t, number)
	b.statics = append(append(append(u2(4), u2(1)...), u2(1)...), 3, 0, 3, 1, 2, 3)
	b.statics = append(append(b.statics, u2(1)...), u2(1)...)
	b.statics = append(b.statics, 9)
	p, err := v.Load(b.file())
	require.NoError(t, err)
	return p, Ref(v.statics[p.index].refs[0])
}

// Two machines share the linked package, and nothing that one of them changes.
func TestMachinesShareCodeAndNoState(t *testing.T) {
	one, two := newVM(t, Limits{}), newVM(t, Limits{})
	one.cfg.API = two.cfg.API
	one.packages = append(one.packages[:0], two.packages...)
	first, array := staticArray(t, one, 1)
	second, other := staticArray(t, two, 1)
	require.Same(t, first, second)
	require.Equal(t, array, other)
	read := func(v *VM) []byte { return v.heap.objects[array].bytes }

	require.NoError(t, one.Enter(func(c *Call) {
		c.BeginTransaction()
		c.PutBytes(array, 1, []byte{7})
		c.AbortTransaction()
		require.Equal(t, []byte{1, 2, 3}, read(one))
		c.PutBytes(array, 0, []byte{8})
	}))
	one.putStatic(first, 3, 1, 5)
	require.Equal(t, []byte{8, 2, 3}, read(one))
	require.Equal(t, []byte{1, 2, 3}, read(two))
	require.Equal(t, byte(5), one.statics[first.index].image[3])
	require.Equal(t, byte(9), two.statics[first.index].image[3])

	require.NoError(t, one.DeletePackage(first))
	require.Equal(t, []byte{1, 2, 3}, read(two), "what one deletes stays on the other")
	again, array := staticArray(t, one, 1)
	require.Same(t, second, again)
	require.Equal(t, []byte{1, 2, 3}, one.heap.objects[array].bytes)
}

// The same CAP file at another place among the packages, or against another API, is linked
// anew.
func TestImagesDifferWhereCardsDo(t *testing.T) {
	one, two := newVM(t, Limits{}), newVM(t, Limits{})
	first, _ := staticArray(t, one, 1)
	other, _ := staticArray(t, two, 1)
	require.NotSame(t, first, other, "two APIs")
	three := newVM(t, Limits{})
	three.cfg.API, three.packages = one.cfg.API, append(three.packages[:0], one.packages[:2]...)
	staticArray(t, three, 2)
	behind, _ := staticArray(t, three, 1)
	require.NotSame(t, first, behind)
	require.NotEqual(t, first.index, behind.index)
	require.NotEqual(t, first.context, behind.context)
}

// An image goes when no machine holds it any more.
func TestImagesAreLetGo(t *testing.T) {
	key := func() string {
		p, _ := staticArray(t, newVM(t, Limits{}), 1)
		key := imageKey(p)
		require.NotNil(t, sharedImage(key))
		return key
	}()
	for range 3 {
		runtime.GC()
	}
	require.Nil(t, sharedImage(key))
}

// Arrays that nothing has written to share one run of zeros. Each way of writing takes an
// array out of it, and so does a snapshot's.
func TestNewArraysShareZeros(t *testing.T) {
	v := newVM(t, Limits{})
	var arrays []Ref
	var untouched, ram Ref
	content := func(r Ref) []byte { return v.heap.objects[r].bytes }
	require.NoError(t, v.Enter(func(c *Call) {
		untouched, ram = c.NewByteArray(4, Persistent), c.NewByteArray(4, ClearOnReset)
		for _, write := range []func(r Ref){
			func(r Ref) { c.PutBytes(r, 1, []byte{1}) },
			func(r Ref) { c.PutBytesOutside(r, 1, []byte{1}) },
			func(r Ref) { c.PutBytesNonAtomic(r, 1, []byte{1}) },
			func(r Ref) { c.SetElement(r, 1, 1) },
		} {
			r := c.NewByteArray(4, Persistent)
			require.True(t, v.heap.objects[r].shared)
			write(r)
			arrays = append(arrays, r)
		}
		c.PutBytes(ram, 0, []byte{2})
	}))
	snapshot, err := v.Snapshot()
	require.NoError(t, err)
	require.NoError(t, v.Enter(func(c *Call) {
		c.PutBytes(untouched, 0, []byte{6})
		for _, r := range arrays {
			c.Clear(r)
		}
	}))
	v.Reset()
	require.True(t, v.heap.objects[ram].shared, "without power RAM costs nothing")
	require.Equal(t, make([]byte, 4), content(ram))
	for range 2 {
		require.NoError(t, v.RestoreSnapshot(snapshot))
		require.Equal(t, make([]byte, 4), content(untouched))
		require.Equal(t, []byte{2, 0, 0, 0}, content(ram))
		for _, r := range arrays {
			require.Equal(t, []byte{0, 1, 0, 0}, content(r))
			require.NoError(t, v.Enter(func(c *Call) { c.PutBytes(r, 3, []byte{9}) }))
		}
	}
	require.Zero(t, zeros)
}
