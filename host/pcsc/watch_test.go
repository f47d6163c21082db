package pcsc

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flagEmpty is SCARD_STATE_EMPTY: this package looks for cards, not for none.
const flagEmpty flags = 0x0010

// watched is a running watch.
type watched struct {
	t      *testing.T
	events chan Event
	end    context.CancelFunc
	ended  chan error
}

func watching(t *testing.T, s *System) *watched {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watched{t: t, events: make(chan Event), end: cancel, ended: make(chan error, 1)}
	go func() {
		w.ended <- s.Watch(ctx, func(e Event) {
			select {
			case w.events <- e:
			case <-ctx.Done():
			}
		})
		close(w.events)
	}()
	return w
}

// sees requires exactly these events next.
func (w *watched) sees(want ...Event) {
	w.t.Helper()
	for _, e := range want {
		require.Equal(w.t, e, <-w.events)
	}
}

func TestWatch(t *testing.T) {
	for name, counts := range map[string]bool{"pcsc-lite 2.3.0": true, "older": false} {
		t.Run(name, func(t *testing.T) {
			f := newFake(fakeReader{name: "B", found: flagEmpty},
				fakeReader{name: "A", found: flagPresent | 1<<16, atr: shortATR})
			f.counts = counts
			s := f.system()
			w := watching(t, s)
			w.sees(Event{ReaderAdded, "A", nil}, Event{CardInserted, "A", shortATR},
				Event{ReaderAdded, "B", nil})

			f.change(func() {
				f.readers[0].found, f.readers[0].atr = flagPresent|1<<16,
					extendedATR
			})
			w.sees(Event{CardInserted, "B", extendedATR})
			f.change(func() { f.readers[0].found |= flagExclusive })
			f.change(func() { f.readers[1].found, f.readers[1].atr = flagEmpty|2<<16, nil })
			w.sees(Event{CardRemoved, "A", nil})

			// Another card of the same kind, put in between two looks.
			f.change(func() { f.readers[0].found = flagPresent | 3<<16 })
			w.sees(Event{CardRemoved, "B", nil}, Event{CardInserted, "B", extendedATR})
			// A card that does not answer, and then does.
			f.change(func() { f.readers[1].found = flagPresent | flagMute | 3<<16 })
			w.sees(Event{CardInserted, "A", nil})
			f.change(func() { f.readers[1].found, f.readers[1].atr = flagPresent|3<<16, shortATR })
			w.sees(Event{CardInserted, "A", shortATR})

			states, err := s.States()
			require.NoError(t, err)
			assert.Equal(t, []State{{"A", true, shortATR, false}, {"B", true, extendedATR, false}},
				states)

			// A later watcher receives the whole state, and each has its own watch.
			second := watching(t, s)
			second.sees(Event{ReaderAdded, "A", nil}, Event{CardInserted, "A", shortATR},
				Event{ReaderAdded, "B", nil}, Event{CardInserted, "B", extendedATR})
			second.end()
			require.NoError(t, <-second.ended)

			f.change(func() { f.readers, f.plugs = f.readers[:1], f.plugs+1 })
			w.sees(Event{CardRemoved, "A", nil}, Event{ReaderRemoved, "A", nil})
			f.change(func() {
				f.readers,
					f.plugs = append(f.readers, fakeReader{name: "C", found: flagEmpty}), f.plugs+1
			})
			w.sees(Event{ReaderAdded, "C", nil})
			f.change(func() { f.readers, f.plugs = nil, f.plugs+1 })
			w.sees(Event{CardRemoved, "B", nil}, Event{ReaderRemoved, "B", nil},
				Event{ReaderRemoved, "C", nil})
			f.change(func() {
				f.readers, f.plugs = []fakeReader{{name: "A", found: flagEmpty}},
					f.plugs+1
			})
			w.sees(Event{ReaderAdded, "A", nil})

			w.end()
			require.NoError(t, <-w.ended)
			require.Zero(t, f.open, "a connection is left open")
		})
	}
}

// A watch ends when the daemon does, and the next one starts anew.
func TestWatchAndTheDaemon(t *testing.T) {
	f := newFake()
	s := f.system()
	w := watching(t, s)
	states, err := s.States()
	require.NoError(t, err)
	require.Empty(t, states)
	f.awaitWaiting()
	f.change(func() { f.down = codeSecurityViolation }) // so the library may report it
	require.ErrorIs(t, <-w.ended, ErrNoDaemon)
	require.ErrorIs(t, s.Watch(context.Background(), func(Event) {}), ErrDenied)
	f.change(func() { f.down, f.readers = 0, []fakeReader{{name: "A", found: flagEmpty}} })
	w = watching(t, s)
	w.sees(Event{ReaderAdded, "A", nil})
	w.end()
	require.NoError(t, <-w.ended)
}

func TestStates(t *testing.T) {
	f := newFake(
		fakeReader{name: "exclusive", found: flagPresent | flagExclusive, atr: shortATR},
		fakeReader{name: "empty", found: flagEmpty},
		fakeReader{name: "mute", found: flagPresent | flagMute, atr: []byte{1}},
		fakeReader{name: "shared", found: flagPresent | flagInUse, atr: shortATR})
	states, err := f.system().States()
	require.NoError(t, err)
	assert.Equal(t, []State{{"empty", false, nil, false}, {"exclusive", true, shortATR, true},
		{"mute", true, nil, false}, {"shared", true, shortATR, true}}, states)
	assert.Zero(t, f.open)
}
