// Package clock gives our programs the time: each part receives a [Clock] from its caller, so that
// a seeded run repeats and a test sets the time itself. A Clock is an interface and not a function
// because the reader and the setter of a manual clock share one value.
package clock

import (
	"context"
	"time"
)

// Clock gives the time.
type Clock interface{ Now() time.Time }

// System is the system's clock, with its monotonic reading: how long something took is the
// difference of two times.
type System struct{}

// Now returns the system's time.
func (System) Now() time.Time { return time.Now() }

// OrSystem returns c, or the system's clock for nil.
func OrSystem(c Clock) Clock {
	if c == nil {
		return System{}
	}
	return c
}

// Pause waits, or returns the context's error before. It is by the system's clock.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Fixed stands still for ever.
type Fixed time.Time

// Now always returns the same time.
func (f Fixed) Now() time.Time { return time.Time(f) }

// Manual stands still until somebody sets At. It is not safe for concurrent use.
type Manual struct{ At time.Time }

// Now returns At.
func (m *Manual) Now() time.Time { return m.At }
