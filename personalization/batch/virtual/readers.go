// Package virtual is readers without a wire: virtual cards are put into them and taken
// out by the program, and a [VirtualOperator] does what a batch asks of the operators at the
// readers. Start at [NewReaders].
//
// It trusts the cards that are put in.
package virtual

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"ekrona.example/apdu"
	"ekrona.example/personalization/batch"
)

// ErrWithdrawn is the error of a card that was taken out.
var ErrWithdrawn = errors.New("the card was taken out")

// Card is a card that can be put into a reader.
type Card interface {
	apdu.Card
	Reset() error
}

// Readers are virtual readers.
type Readers struct {
	mu    sync.Mutex
	slots map[string]*slot
	news  chan struct{} // closed when a slot changes
}

var _ batch.Readers = (*Readers)(nil)

type slot struct {
	card Card
	stay int // counts what was put in and taken out
}

// NewReaders plugs in readers without cards.
func NewReaders(names ...string) *Readers {
	r := &Readers{slots: map[string]*slot{}, news: make(chan struct{})}
	for _, name := range names {
		r.slots[name] = &slot{}
	}
	return r
}

// Insert puts a card into a reader, and replaces one that is in it.
func (r *Readers) Insert(reader string, card Card) { r.put(reader, card) }

// Remove takes the card out of a reader, and returns it; nil if there is none.
func (r *Readers) Remove(reader string) Card { return r.put(reader, nil) }

func (r *Readers) put(reader string, card Card) Card {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slots[reader]
	old := s.card
	s.card = card
	s.stay++
	close(r.news)
	r.news = make(chan struct{})
	return old
}

// withCard lists the readers that have a card in them.
func (r *Readers) withCard() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, s := range r.slots {
		if s.card != nil {
			names = append(names, name)
		}
	}
	return names
}

// Watch implements batch.Readers.
func (r *Readers) Watch(ctx context.Context, tell func(batch.Event)) error {
	reported := map[string]int{}
	for {
		events, news := r.since(reported)
		for _, e := range events {
			tell(e)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-news:
		}
	}
}

// since is what is new since reported, in the order of the readers' names, and what is
// closed when there is more.
func (r *Readers) since(reported map[string]int) (events []batch.Event, news chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, s := range r.slots {
		if reported[name] != s.stay {
			reported[name] = s.stay
			events = append(events, batch.Event{Reader: name, Inserted: s.card != nil})
		}
	}
	slices.SortFunc(events,
		func(a, b batch.Event) int { return strings.Compare(a.Reader, b.Reader) })
	return events, r.news
}

// Connect implements batch.Readers. No other program has a virtual card.
func (r *Readers) Connect(_ context.Context, reader string, _ func(error)) (batch.Tap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slots[reader]
	if s == nil || s.card == nil {
		return nil, fmt.Errorf("reader %q: no card in it", reader)
	}
	if err := s.card.Reset(); err != nil {
		return nil, err
	}
	return &tap{r, s, s.stay}, nil
}

// tap is a card while it stays in its reader.
type tap struct {
	readers *Readers
	slot    *slot
	stay    int
}

// Transmit sends a command to the card, if it is still there, and returns its answer, if
// it is there even then.
func (t *tap) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	card, err := t.card()
	if err != nil {
		return apdu.Response{}, err
	}
	response, err := card.Transmit(ctx, c)
	if err != nil {
		return apdu.Response{}, err
	}
	if _, err := t.card(); err != nil {
		return apdu.Response{}, err
	}
	return response, nil
}

// Above implements [apdu.Observed], where somebody records the card's exchanges.
func (t *tap) Above(channel apdu.Card) apdu.Card {
	card, err := t.card()
	if observed, ok := card.(apdu.Observed); ok && err == nil {
		return observed.Above(channel)
	}
	return channel
}

func (t *tap) card() (Card, error) {
	t.readers.mu.Lock()
	defer t.readers.mu.Unlock()
	if t.slot.stay != t.stay {
		return nil, ErrWithdrawn
	}
	return t.slot.card, nil
}

// Close releases the card.
func (*tap) Close() error { return nil }
