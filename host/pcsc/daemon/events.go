package daemon

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/pcsc"
)

// events knows which readers hold a card that answers.
type events struct {
	mu    sync.Mutex
	news  *sync.Cond
	cards map[string]bool // of the readers that there are
	ended error
	over  bool
}

func watch(t testing.TB, system *pcsc.System) *events {
	e := &events{cards: map[string]bool{}}
	e.news = sync.NewCond(&e.mu)
	states, err := system.States()
	require.NoError(t, err)
	for _, s := range states {
		e.cards[s.Reader] = s.ATR != nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := system.Watch(ctx, e.note)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.ended, e.over = err, true
		e.news.Broadcast()
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return e
}

func (e *events) note(event pcsc.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event.Kind {
	case pcsc.CardInserted:
		e.cards[event.Reader] = event.ATR != nil
	case pcsc.CardRemoved:
		e.cards[event.Reader] = false
	}
	e.news.Broadcast()
}

func (e *events) present(reader string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cards[reader]
}

// await returns when the reader holds a card, or none.
func (e *events) await(t testing.TB, reader string, card bool) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.cards[reader] != card && !e.over {
		e.news.Wait()
	}
	require.Equal(t, card, e.cards[reader], "the watch over the readers ended: %v", e.ended)
}
