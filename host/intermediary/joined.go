package intermediary

import (
	"context"
	"sync"
)

// joined has calls that want the same carried out once for many: each gets the result of one that
// began after it called. It is done by one of the callers.
type joined struct {
	turn chan struct{} // taken by who does it

	mu   sync.Mutex
	next *round // that callers join
}

// round is one time for all who have joined it.
type round struct {
	done chan struct{}
	gone bool // who did it went away before its end
	err  error
}

func newJoined() *joined { return &joined{turn: make(chan struct{}, 1)} }

func (j *joined) join(ctx context.Context, do func(ctx context.Context) error) error {
	for {
		j.mu.Lock()
		if j.next == nil {
			j.next = &round{done: make(chan struct{})}
		}
		own := j.next
		j.mu.Unlock()
		select {
		case j.turn <- struct{}{}:
			j.carryOut(ctx, own, do)
		case <-own.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !own.gone || ctx.Err() != nil {
			return own.err
		}
	}
}

// alone does it, unless somebody is at it.
func (j *joined) alone(ctx context.Context, do func(ctx context.Context) error) error {
	select {
	case j.turn <- struct{}{}:
		defer func() { <-j.turn }()
		return do(ctx)
	default:
		return nil
	}
}

// carryOut does a round that nobody has done, for who has the turn.
func (j *joined) carryOut(
	ctx context.Context, own *round, do func(ctx context.Context) error,
) {
	defer func() { <-j.turn }()
	j.mu.Lock()
	if j.next != own { // somebody had the turn before
		j.mu.Unlock()
		<-own.done
		return
	}
	j.next = nil
	j.mu.Unlock()
	own.gone = true // unless it comes to its end, also by a panic
	defer close(own.done)
	own.err = do(ctx)
	own.gone = ctx.Err() != nil
}
