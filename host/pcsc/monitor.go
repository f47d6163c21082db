package pcsc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// monitor polls the readers for all callers, over one connection: the binding can wait for a
// reader's change in one place only, see binding_scard.go. It runs while there is a watcher.
type monitor struct {
	establish func() (connection, error)

	mu      sync.Mutex // held when a look starts and ends
	watches int
	now     *look
}

// join adds a watcher.
func (m *monitor) join() *look {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil || m.now.last().err != nil {
		m.now = begin(m.establish)
	}
	m.watches++
	return m.now
}

// leave removes a watcher.
func (m *monitor) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watches--; m.watches == 0 {
		m.now.end()
		m.now = nil
	}
}

// readers returns the readers at this moment.
func (m *monitor) readers() ([]readerStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil || m.now.last().err != nil {
		return once(m.establish)
	}
	last := m.now.last()
	for !last.looked && last.err == nil {
		<-last.news
		last = m.now.last()
	}
	return last.readers, last.err
}

// goes reports whether the card that was in a reader at this event count is gone, or goes within
// patience.
func (m *monitor) goes(reader string, events uint32, patience time.Duration) (bool, error) {
	l := m.join()
	defer m.leave()
	enough := time.NewTimer(patience)
	defer enough.Stop()
	for {
		last := l.last()
		if last.err != nil {
			return false, last.err
		}
		if !last.looked {
			<-last.news
			continue
		}
		i := at(last.readers, reader)
		if i < 0 {
			return false, codeUnknownReader
		}
		if now := last.readers[i]; !now.state().Card || now.found.events() != events {
			return true, nil
		}
		select {
		case <-last.news:
		case <-enough.C:
			return false, nil
		}
	}
}

// once looks once.
func once(establish func() (connection, error)) (found []readerStatus, err error) {
	err = with(establish, func(c connection) error {
		readers, err := list(c)
		if err != nil || len(readers) == 0 {
			return err
		}
		found = expected(readers, nil)
		if err = c.statusChange(found, 0); errors.Is(err, codeTimeout) {
			err = nil
		}
		return err
	})
	return found, err
}

// look is one run of the monitor.
type look struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	state seen
}

// seen is what a look has seen last.
type seen struct {
	looked  bool
	readers []readerStatus // sorted by name; never changed, but replaced
	err     error          // why the look has ended
	news    chan struct{}  // closed when there is more to see
}

func begin(establish func() (connection, error)) *look {
	ctx, cancel := context.WithCancel(context.Background())
	l := &look{cancel: cancel, ended: make(chan struct{}), state: seen{news: make(chan struct{})}}
	go func() {
		defer close(l.ended)
		err := with(establish, func(c connection) error { return l.run(ctx, c) })
		var c code
		if errors.As(err, &c) && l.last().looked {
			err = c.inUse()
		}
		if err != nil {
			l.see(seen{err: err})
		}
	}()
	return l
}

func (l *look) end() {
	l.cancel()
	<-l.ended
}

func (l *look) last() seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *look) see(s seen) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.news = make(chan struct{})
	close(l.state.news)
	l.state = s
}

const (
	// listAgain is how long a new reader may go unnoticed with a daemon older than
	// pcsc-lite 2.3.0, which forgets readers that come between two waits.
	listAgain = 5 * time.Second
	forever   = -1
	// cancelAgain is how long to wait before the next try to end a wait, since one that comes
	// before the wait has started is lost.
	cancelAgain = 20 * time.Millisecond
)

// run follows every change until ctx ends.
func (l *look) run(ctx context.Context, c connection) error {
	var known []readerStatus
	var counted flags // what plugAndPlay has found
	for ctx.Err() == nil {
		names, err := list(c)
		if err != nil {
			return err
		}
		wanted := expected(names, known)
		if here := slices.DeleteFunc(slices.Clone(known),
			func(r readerStatus) bool {
				return at(wanted,
					r.reader) < 0
			}); len(here) < len(known) || len(names) == 0 && !l.last().looked {
			known = here
			l.see(seen{looked: true, readers: known})
		}
		timeout := listAgain
		if counted.events() > 0 {
			timeout = forever
		}
		wanted = append(wanted, readerStatus{reader: plugAndPlay, expected: counted})
		switch err := wait(ctx, c, wanted, timeout); {
		// a reader went before the wait started
		case ctx.Err() != nil, errors.Is(err, codeTimeout), errors.Is(err, codeUnknownReader):
			continue
		case err != nil:
			return err
		}
		counted = wanted[len(names)].found &^ flagChanged
		known = wanted[:len(names)]
		l.see(seen{looked: true, readers: known})
	}
	return nil
}

// expected returns the readers of these names with their known states.
func expected(names []string, known []readerStatus) []readerStatus {
	readers := make([]readerStatus, len(names), len(names)+1)
	for i, name := range names {
		readers[i].reader = name
		if k := at(known, name); k >= 0 {
			readers[i].expected = known[k].found &^ flagChanged
		}
	}
	return readers
}

// wait calls statusChange and cancels it when ctx ends.
func wait(ctx context.Context, c connection, readers []readerStatus, timeout time.Duration) error {
	over, cancelled := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cancelled)
		for {
			if err := c.cancel(); err != nil {
				return // the daemon is gone, and statusChange has ended
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
