package settlement

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store/storetest"
)

// TestVerifyingLeavesACoreToTheWriter: nothing is left out, all cores are used while nothing is
// decided, and one fewer meanwhile.
func TestVerifyingLeavesACoreToTheWriter(t *testing.T) {
	storetest.OnFirst(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	const items = 3*stretch + 5

	meeting := sync.WaitGroup{} // the first two meet: each of them has a core
	meeting.Add(2)
	var done [items]atomic.Int32
	g := newGate(nil, func() bool { return false })
	require.NoError(t, g.inTurn(t.Context(), items, func(i int) {
		if done[i].Add(1); i < 2 {
			meeting.Done()
			meeting.Wait()
		}
	}))

	var at, most atomic.Int32
	g = newGate(nil, func() bool { return true })
	require.NoError(t, g.inTurn(t.Context(), items, func(i int) {
		if now := at.Add(1); now > most.Load() {
			most.Store(now)
		}
		runtime.Gosched()
		done[i].Add(1)
		at.Add(-1)
	}))
	assert.EqualValues(t, 1, most.Load())
	for i := range done {
		assert.EqualValues(t, 2, done[i].Load(), i)
	}
}
