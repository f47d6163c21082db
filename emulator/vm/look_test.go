package vm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWritesAndContentsAreSeen: what a command changed, in which transaction, and
// what is in memory afterwards, RAM too.
func TestWritesAndContentsAreSeen(t *testing.T) {
	type write struct {
		object             Ref
		bytes, transaction int
	}
	var writes []write
	see := func(a *Access) Action {
		if a.Storage == Persistent {
			writes = append(writes, write{a.Object, a.Bytes, a.Transaction})
		}
		return Action{}
	}
	v, err := New(Config{
		API: linkedTestAPI(t), Random: noRandom{}, Probe: Probe{Write: see},
	})
	require.NoError(t, err)
	var kept, transient, list Ref
	require.NoError(t, v.Enter(func(c *Call) {
		kept, transient = c.NewByteArray(3, Persistent), c.NewByteArray(2, ClearOnReset)
		list = c.NewRefArray(classObject, 1, Persistent)
		require.Empty(t, writes, "a new object is no change of one")
		c.PutBytes(transient, 0, []byte{7, 8})
		c.PutBytes(kept, 0, []byte{1})
		c.BeginTransaction()
		c.PutBytes(kept, 1, []byte{2, 3})
		c.PutBytesOutside(kept, 0, []byte{4})
		c.CommitTransaction()
		c.BeginTransaction()
		c.SetElement(list, 0, RefValue(kept))
		c.CommitTransaction()
	}))
	require.Equal(t, []write{{kept, 1, 0}, {kept, 2, 1}, {kept, 1, 0}, {list, 2, 2}}, writes)
	seen := map[Ref]Object{}
	v.Look(func(o Object) { seen[o.Ref] = o })
	require.Equal(t, Object{Ref: kept, Kind: ByteArray,
		Bytes: []byte{4, 2, 3}, Array: true, NVM: 8 + 3}, seen[kept])
	require.Equal(t, Object{Ref: transient, Storage: ClearOnReset, Kind: ByteArray,
		Bytes: []byte{7, 8},
		Array: true, NVM: 8, RAM: 2}, seen[transient])
	require.Equal(t, Object{Ref: list, Kind: RefArray, Cells: []int32{int32(kept)},
		Type: v.classNamed(classObject), Refs: []Ref{kept}, Array: true, NVM: 8 + 2}, seen[list])
}

// noRandom is a source of randomness for machines that draw none.
type noRandom struct{}

func (noRandom) Read(b []byte) (int, error) { return len(b), nil }
