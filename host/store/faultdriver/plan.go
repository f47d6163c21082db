package faultdriver

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
)

// Nth fails the n-th step from now that is one of the kinds, counted from 1, with an error. Without
// kinds every step counts; with n of 0 none fails. Examples:
//
//	Nth(n, ErrPowerLost)            the power cut before the n-th step
//	Nth(n, ErrPowerLost, Commit)    before the n-th commit
//	Nth(n, ErrPowerLost, Committed) after it, and nobody has an answer
//	Nth(n, ErrNoAnswer, Committed)  the n-th commit done and its answer lost
func Nth(n int, fault error, kinds ...Kind) Plan {
	var mu sync.Mutex
	seen := 0
	return func(_ context.Context, s Step) error {
		if len(kinds) > 0 && !slices.Contains(kinds, s.Kind) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if seen++; seen == n {
			return fault
		}
		return nil
	}
}

// FullFrom makes the disk full from the n-th step on that writes, counted from 1; 0 for never.
func FullFrom(n int) Plan {
	var mu sync.Mutex
	seen := 0
	return func(_ context.Context, s Step) error {
		mu.Lock()
		defer mu.Unlock()
		if s.Writes() {
			seen++
		}
		if n > 0 && seen >= n && s.Writes() {
			return ErrDiskFull
		}
		return nil
	}
}

// Random gives one step in oneIn a fault that fits it: the power cut, the disk full for that step,
// or a commit's answer lost. The same seed makes the same choices.
func Random(seed uint64, oneIn int) Plan {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(_ context.Context, s Step) error {
		mu.Lock()
		defer mu.Unlock()
		faults := []error{ErrPowerLost}
		switch {
		case s.Kind == Committed:
			faults = append(faults, ErrNoAnswer)
		case s.Writes():
			faults = append(faults, ErrDiskFull)
		}
		if random.IntN(oneIn) > 0 {
			return nil
		}
		return faults[random.IntN(len(faults))]
	}
}
