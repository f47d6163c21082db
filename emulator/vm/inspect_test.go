package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProbeIsSetBetweenCommands, and only there; exceptions are seen where they are thrown, with
// what the machine holds then.
func TestProbeIsSetBetweenCommands(t *testing.T) {
	v, err := New(Config{API: linkedTestAPI(t), Random: noRandom{},
		Limits: Limits{CommitBytes: 64}})
	require.NoError(t, err)
	var thrown []string
	var depths []int
	var during Transaction
	see := Probe{Throw: func(e *Exception) Action {
		thrown = append(thrown, e.Class.Name())
		assert.False(t, e.HasReason)
		v.Frames(func(f Frame) bool {
			depths = append(depths, f.Depth)
			return true
		})
		during = v.Transaction()
		return Action{}
	}}
	fail := func(c *Call) {
		r := c.NewByteArray(2, Persistent)
		c.BeginTransaction()
		c.PutBytes(r, 0, []byte{1})
		require.EqualError(t, v.SetProbe(Probe{}), "vm: a probe is set between commands")
		c.Try(func() { c.PutBytes(r, 2, []byte{1}) })
		c.AbortTransaction()
	}
	require.NoError(t, v.Enter(fail))
	require.Empty(t, thrown)
	require.NoError(t, v.SetProbe(see))
	require.NoError(t, v.Enter(fail))
	assert.Equal(t, []string{"java/lang/ArrayIndexOutOfBoundsException"}, thrown)
	assert.Equal(t, []int{0}, depths)
	assert.Equal(t, Transaction{Open: true, Number: 2, Entries: 1, Used: 5, Capacity: 64}, during)
	require.NoError(t, v.SetProbe(Probe{}))
	require.NoError(t, v.Enter(fail))
	assert.Len(t, thrown, 1)

	require.NoError(t, v.SetProbe(Probe{Throw: always(Cut)}))
	var cut *PowerCut
	require.ErrorAs(t, v.Enter(fail), &cut)
	v.Reset()
	require.NoError(t, v.SetProbe(Probe{Throw: always(Invert)}))
	var misuse *ProbeMisuse
	require.ErrorAs(t, v.Enter(fail), &misuse)
}

// always wants an action at every exception.
func always(kind ActionKind) func(*Exception) Action {
	return func(*Exception) Action { return Action{Kind: kind} }
}
