// Package clock is where our programs get the time from: each part takes a [Clock] from its
// caller, so that a seeded run repeats and a test moves the time itself. It is an interface and no
// function because a clock that is moved is one value, for whoever reads it and whoever moves it.
package clock

import "time"

// Clock gives the time.
type Clock interface{ Now() time.Time }

// System is the system's clock, with its monotonic reading: how long something took is the
// difference of two times.
type System struct{}

// Now is the system's time.
func (System) Now() time.Time { return time.Now() }

// OrSystem is a clock, or the system's for none.
func OrSystem(c Clock) Clock {
	if c == nil {
		return System{}
	}
	return c
}

// Fixed stands still for ever.
type Fixed time.Time

// Now is always the same.
func (f Fixed) Now() time.Time { return time.Time(f) }

// Manual stands still until somebody moves it by setting At. It is not for several goroutines at a
// time.
type Manual struct{ At time.Time }

// Now is At.
func (m *Manual) Now() time.Time { return m.At }
