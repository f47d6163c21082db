package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counter is a computation in progress that a snapshot can keep.
type counter struct{ n int }

func (c *counter) Copy() (any, error) { return &counter{c.n}, nil }

// TestSnapshotOfComputationsInProgress: each goes on from where it was, and one that cannot
// be copied is no part of a snapshot.
func TestSnapshotOfComputationsInProgress(t *testing.T) {
	v := newVM(t, Limits{})
	var r Ref
	require.NoError(t, v.Enter(func(c *Call) {
		r = c.NewJCREObject(classObject, Persistent, 0)
		c.SetVolatile(r, &counter{5})
	}))
	s, err := v.Snapshot()
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, v.Enter(func(c *Call) { c.Volatile(r).(*counter).n++ }))
		require.NoError(t, v.RestoreSnapshot(s))
		assert.Equal(t, &counter{5}, *v.heap.objects[r].volatile)
	}
	require.NoError(t, v.Enter(func(c *Call) { c.SetVolatile(r, &struct{ n int }{}) }))
	_, err = v.Snapshot()
	require.ErrorContains(t, err, "is in progress")
	require.NoError(t, v.Enter(func(c *Call) { c.SetVolatile(r, uint32(7)) }))
	_, err = v.Snapshot()
	require.NoError(t, err)
}
