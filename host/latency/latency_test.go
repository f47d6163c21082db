package latency

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	require.Zero(t, Of(nil))
	require.Equal(t, Latency{7, 7, 7}, Of([]time.Duration{7}))
	var times []time.Duration
	for n := range 200 { // in no order
		times = append(times, time.Duration((n*37)%200+1)*time.Millisecond)
	}
	l := Of(times)
	require.Equal(t, Latency{101 * time.Millisecond, 199 * time.Millisecond,
		200 * time.Millisecond}, l)
	require.Equal(t, "median 101ms, 99th percentile 199ms, worst 200ms", l.String())
	require.Equal(t, time.Millisecond, times[0], "they stay in their order")
}
