package party

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"ekrona.example/host/service"
	"ekrona.example/host/store"
)

// readyTime is for how long what was found of a database is told again: everybody may ask, and to
// find it out takes a write.
const readyTime = time.Second

// Ready returns what reports why a database does not answer, or could not write: a service is ready
// when its does.
func (e Environment) Ready(db *sql.DB) func(ctx context.Context) error {
	now := e.Complete().Clock.Now
	turn := make(chan struct{}, 1)
	var found error
	var at time.Time
	return func(ctx context.Context) error {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			return &service.UnreadyError{Why: standsStill, Err: ctx.Err()}
		}
		if age := now().Sub(at); at.IsZero() || age < 0 || age >= readyTime {
			found, at = unready(store.Space(ctx, db)), now()
		}
		return found
	}
}

// What everybody may know of a database.
const (
	standsStill = "the database does not answer"
	isFull      = "the disk of the database is full"
	takesNone   = "the disk of the database fails, or takes no writes"
)

func unready(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNoRoom):
		return &service.UnreadyError{Why: isFull, Err: err}
	case errors.Is(err, store.ErrDisk):
		return &service.UnreadyError{Why: takesNone, Err: err}
	}
	return &service.UnreadyError{Why: standsStill, Err: err}
}
