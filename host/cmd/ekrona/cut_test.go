package main

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
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

// relayed returns relays by the names of processes, and what puts them before these.
func relayed(t *testing.T) (relays map[string]*relay, between func(name, address string) string) {
	relays = map[string]*relay{}
	return relays, func(name, address string) string {
		relays[name] = newRelay(t, address)
		return relays[name].listener.Addr().String()
	}
}

// cutUntilNoticed cuts a link until somebody has found it cut, or nobody needs it.
func (a *acknowledged) cutUntilNoticed(r *relay) {
	r.cut(true)
	defer r.cut(false)
	for until := a.count.Load() + 5; a.count.Load() < until; {
		select {
		case <-r.noticed:
			return
		case _, working := <-a.wake:
			if !working {
				return
			}
		}
	}
}
