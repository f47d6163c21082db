package batch

import (
	"context"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/host/clock"
)

// Readers are where cards are put in and taken out.
type Readers interface {
	// Watch reports the cards that are there and then each that is put in or taken out,
	// until ctx ends, which is no error.
	Watch(ctx context.Context, tell func(Event)) error
	// Connect opens the card in a reader, which has just been reset, or is reset by
	// this. Nobody else can use it until Close. A card that another program has is waited for,
	// as no event says that it is free again; busy gets that error once.
	Connect(ctx context.Context, reader string, busy func(error)) (Tap, error)
}

// Event is a card put in or taken out.
type Event struct {
	Reader   string
	Inserted bool // and not removed
}

// Tap is an open card in a reader.
type Tap interface {
	apdu.Card
	Close() error
}

// meter is a card that counts how long it and its reader take, and remembers that it
// was lost.
type meter struct {
	card  apdu.Card
	clock clock.Clock
	spent time.Duration
	lost  error // why an answer did not come
}

// Transmit sends a command.
func (m *meter) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	began := m.clock.Now()
	response, err := m.card.Transmit(ctx, c)
	m.spent += m.clock.Now().Sub(began)
	if err != nil {
		m.lost = err
	}
	return response, err
}

// Above implements [apdu.Observed], where somebody records the card's exchanges.
func (m *meter) Above(channel apdu.Card) apdu.Card {
	if observed, ok := m.card.(apdu.Observed); ok {
		return observed.Above(channel)
	}
	return channel
}

// take is the time since it was taken last.
func (m *meter) take() time.Duration {
	spent := m.spent
	m.spent = 0
	return spent
}
