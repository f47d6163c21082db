package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/store/storetest"
)

// relay is a link to a process that can be cut: what is on its way is lost, and nobody comes
// through until it is mended.
type relay struct {
	listener net.Listener
	to       string
	noticed  chan struct{} // somebody has found it cut

	mu    sync.Mutex
	isCut bool
	open  map[net.Conn]bool
}

// newRelay starts a relay to an address, until the test ends.
func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{listener: listener, to: to, noticed: make(chan struct{}, 1),
		open: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.pass(t.Context(), from) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		r.cut(true)
		running.Wait()
	})
	return r
}

// pass passes one connection on.
func (r *relay) pass(ctx context.Context, from net.Conn) {
	defer from.Close()
	to, err := new(net.Dialer).DialContext(ctx, "tcp", r.to)
	if err != nil {
		return
	}
	defer to.Close()
	r.mu.Lock()
	cut := r.isCut
	r.open[from], r.open[to] = true, true
	r.mu.Unlock()
	if cut {
		select {
		case r.noticed <- struct{}{}:
		default:
		}
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = way[0].Close(), way[1].Close() // both ways end together
		})
	}
	both.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, from)
	delete(r.open, to)
}

// cut cuts the link, or mends it.
func (r *relay) cut(isCut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isCut = isCut
	for c := range r.open {
		_ = c.Close()
	}
	clear(r.open)
}

// TestLinksAreCutUnderLoad: the links between people, banks and the central bank's processes are
// cut at any moment, and come back, while people load, pay, synchronise and unload.
func TestLinksAreCutUnderLoad(t *testing.T) {
	relays := map[string]*relay{}
	d := newDoubled(t, storetest.Server(t), func(name, address string) string {
		relays[name] = newRelay(t, address)
		return relays[name].listener.Addr().String()
	})
	w := &failureWorld{doubled: d, answers: acknowledged{wake: make(chan struct{}, 1)}}
	random := rand.New(rand.NewPCG(*killSeed, 1))
	names := []string{}
	for _, name := range doubledParties {
		names = append(names, name, name+"-2")
	}
	w.underLoad(func() {
		for range 3 * *kills {
			w.answers.after(random.Int64N(8))
			r := relays[names[random.IntN(len(names))]]
			r.cut(true)
			until := w.answers.count.Load() + 5 // nobody may need it
			for found := false; !found && w.answers.count.Load() < until; {
				select {
				case <-r.noticed:
					found = true
				case _, working := <-w.answers.wake:
					found = !working
				}
			}
			r.cut(false)
		}
	})
	w.judge()
	t.Logf("%d answers while links were cut %d times; the longest time without one: %v",
		w.answers.count.Load(), 3**kills, w.answers.longest.Round(time.Millisecond))
}
