package intermediary

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCallersAreJoined: each gets the result of a round that began after it called, many get one,
// and one whose caller went away is done again.
func TestCallersAreJoined(t *testing.T) {
	j := newJoined()
	var rounds, known atomic.Int64
	j.turn <- struct{}{} // somebody is at it
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			before := known.Add(1)
			seen := int64(0)
			err := j.join(t.Context(), func(context.Context) error {
				rounds.Add(1)
				seen = known.Load()
				return nil
			})
			if err != nil || seen > 0 && seen < before {
				t.Error("a round that began before its caller called", err)
			}
		})
	}
	for known.Load() < 50 {
		callers.Go(func() {})
	}
	<-j.turn
	callers.Wait()
	require.Positive(t, rounds.Load())
	require.LessOrEqual(t, rounds.Load(), int64(50))

	failed := errors.New("failed")
	require.ErrorIs(t, j.join(t.Context(), func(context.Context) error { return failed }), failed)
	gone, leave := context.WithCancel(t.Context())
	begun, others := make(chan struct{}), make(chan error)
	go func() {
		others <- j.join(gone, func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-begun
	go func() {
		others <- j.join(t.Context(), func(context.Context) error { return nil })
	}()
	leave()
	require.ElementsMatch(t, []bool{true, false},
		[]bool{<-others == nil, <-others == nil}, "who goes away alone has no result")
	func() {
		defer func() { _ = recover() }()
		_ = j.join(t.Context(), func(context.Context) error { panic("broken") })
	}()
	require.NoError(t, j.join(t.Context(), func(context.Context) error { return nil }))
}
