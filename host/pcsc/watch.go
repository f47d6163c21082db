package pcsc

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"
)

// What happens to readers and cards.
const (
	ReaderAdded   EventKind = "reader added"
	ReaderRemoved EventKind = "reader removed"
	CardInserted  EventKind = "card inserted"
	CardRemoved   EventKind = "card removed"
)

// EventKind is one of them.
type EventKind string

// Event is something that happened.
type Event struct {
	Kind   EventKind
	Reader string
	ATR    []byte // of a card inserted; nil for one that does not answer
}

const (
	// listAgain is how long a new reader may go unnoticed with a daemon older than
	// pcsc-lite 2.3.0, which forgets readers that come between two waits.
	listAgain = 5 * time.Second
	forever   = -1
	// cancelAgain is how long to wait before the next try to end a wait, since one
	// that comes before the wait has begun is lost.
	cancelAgain = 20 * time.Millisecond
)

// Watch tells what readers and cards there are and then whatever changes, until ctx
// ends, which is no error. A program has one Watch at a time; another is
// [ErrWatching]. While tell runs, nothing is lost.
func (s *System) Watch(ctx context.Context, tell func(Event)) error {
	return s.with(func(c connection) error {
		w := watch{connection: c, tell: tell}
		for ctx.Err() == nil {
			if err := w.next(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// watch is what a Watch knows.
type watch struct {
	connection connection
	tell       func(Event)
	known      []readerStatus // sorted by name, without plugAndPlay
	counted    flags          // plugAndPlay's
}

// next waits for the next changes and tells them.
func (w *watch) next(ctx context.Context) error {
	readers, err := list(w.connection)
	if err != nil {
		return err
	}
	w.plugged(readers)
	wanted := append(slices.Clone(w.known), readerStatus{reader: plugAndPlay, expected: w.counted})
	timeout := time.Duration(listAgain)
	if w.counted.events() > 0 {
		timeout = forever
	}
	err = wait(ctx, w.connection, wanted, timeout)
	switch {
	case ctx.Err() != nil, errors.Is(err, codeTimeout), errors.Is(err, codeUnknownReader): // a reader went before the wait began
		return nil
	case err != nil:
		return err
	}
	for i := range w.known {
		w.changed(&w.known[i], wanted[i])
	}
	w.counted = wanted[len(w.known)].found.known()
	return nil
}

// plugged compares the readers there are with those known.
func (w *watch) plugged(readers []string) {
	var known []readerStatus
	for _, old := range w.known {
		if slices.Contains(readers, old.reader) {
			known = append(known, old)
			continue
		}
		w.changed(&old, readerStatus{reader: old.reader})
		w.tell(Event{Kind: ReaderRemoved, Reader: old.reader})
	}
	for i, reader := range readers {
		if i >= len(known) || known[i].reader != reader {
			known = slices.Insert(known, i, readerStatus{reader: reader})
			w.tell(Event{Kind: ReaderAdded, Reader: reader})
		}
	}
	w.known = known
}

// changed compares what a reader holds with what it held.
func (w *watch) changed(old *readerStatus, found readerStatus) {
	was, is := old.state(), found.state()
	// A card taken out and one put in since the last look: two events counted.
	another := was.Card && is.Card && (old.found.events() != found.found.events() || was.ATR != nil && !bytes.Equal(was.ATR, is.ATR))
	if was.Card && (!is.Card || another) {
		w.tell(Event{Kind: CardRemoved, Reader: old.reader})
	}
	if is.Card && (!was.Card || another || was.ATR == nil && is.ATR != nil) {
		w.tell(Event{Kind: CardInserted, Reader: old.reader, ATR: is.ATR})
	}
	found.expected = found.found.known()
	*old = found
}

// known is what was found, as the next wait takes it.
func (f flags) known() flags { return f &^ flagChanged }

// wait is statusChange that ends with ctx.
func wait(ctx context.Context, c connection, readers []readerStatus, timeout time.Duration) error {
	over, cancelled := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cancelled)
		for {
			if err := c.cancel(); err != nil {
				return // the daemon has gone, and statusChange with it
			}
			select {
			case <-over:
				return
			case <-time.After(cancelAgain):
			}
		}
	})
	err := c.statusChange(readers, timeout)
	close(over)
	if !stop() {
		<-cancelled
	}
	return err
}
