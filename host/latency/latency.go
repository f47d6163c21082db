// Package latency says how times are spread that many callers waited. Start at [Of].
package latency

import (
	"fmt"
	"slices"
	"time"
)

// Latency is how times are spread.
type Latency struct {
	Median time.Duration `json:"median_ns"`
	Most99 time.Duration `json:"p99_ns"` // of 99 in 100
	Worst  time.Duration `json:"worst_ns"`
}

// Of returns how times are spread; zero for none.
func Of(times []time.Duration) Latency {
	if len(times) == 0 {
		return Latency{}
	}
	times = slices.Sorted(slices.Values(times))
	const percent = 100
	return Latency{times[len(times)/2], times[len(times)*99/percent], times[len(times)-1]}
}

// String returns a line for a human reader.
func (l Latency) String() string {
	r := func(d time.Duration) time.Duration { return d.Round(time.Millisecond / 10) }
	return fmt.Sprintf("median %v, 99th percentile %v, worst %v", r(l.Median), r(l.Most99),
		r(l.Worst))
}
