package pcsc

import (
	"bytes"
	"context"
	"slices"
)

// What happens to readers and cards.
const (
	ReaderAdded   EventKind = "reader added"
	ReaderRemoved EventKind = "reader removed"
	CardInserted  EventKind = "card inserted"
	CardRemoved   EventKind = "card removed"
)

// EventKind is the kind of an Event.
type EventKind string

// Event is something that happened.
type Event struct {
	Kind   EventKind
	Reader string
	ATR    []byte // of a card inserted; nil for one that does not answer
}

// Watch reports which readers and cards there are and then every change, until ctx ends, which is
// no error. While report runs nothing is lost, but a card that came and went meanwhile is not
// reported.
func (s *System) Watch(ctx context.Context, report func(Event)) error {
	l := s.monitor.join()
	defer s.monitor.leave()
	w := watch{report: report}
	for {
		last := l.last()
		switch {
		case ctx.Err() != nil:
			return nil
		case last.err != nil:
			return failed("", last.err, code.meaning)
		}
		w.compare(last.readers)
		select {
		case <-ctx.Done():
		case <-last.news:
		}
	}
}

// watch is what a Watch has reported.
type watch struct {
	report   func(Event)
	reported []readerStatus
}

// compare reports what is new.
func (w *watch) compare(readers []readerStatus) {
	for _, old := range w.reported {
		if at(readers, old.reader) < 0 {
			w.changed(old, readerStatus{reader: old.reader})
			w.report(Event{Kind: ReaderRemoved, Reader: old.reader})
		}
	}
	for _, found := range readers {
		old := readerStatus{reader: found.reader}
		if i := at(w.reported, found.reader); i >= 0 {
			old = w.reported[i]
		} else {
			w.report(Event{Kind: ReaderAdded, Reader: found.reader})
		}
		w.changed(old, found)
	}
	w.reported = readers
}

func at(readers []readerStatus, name string) int {
	return slices.IndexFunc(readers, func(r readerStatus) bool { return r.reader == name })
}

// changed compares what a reader holds with what it held.
func (w *watch) changed(old, found readerStatus) {
	was, is := old.state(), found.state()
	// A card taken out and one put in since the last look: two events counted.
	another := was.Card && is.Card &&
		(old.found.events() != found.found.events() || was.ATR != nil &&
			!bytes.Equal(was.ATR, is.ATR))
	if was.Card && (!is.Card || another) {
		w.report(Event{Kind: CardRemoved, Reader: old.reader})
	}
	if is.Card && (!was.Card || another || was.ATR == nil && is.ATR != nil) {
		w.report(Event{Kind: CardInserted, Reader: old.reader, ATR: is.ATR})
	}
}
