package virtual

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/host/progress"
)

// blank is a card without answers.
type blank struct{ name string }

func (*blank) Transmit(context.Context, apdu.Command) (apdu.Response, error) {
	return apdu.Response{}, nil
}

func (*blank) Reset() error { return nil }

// TestCardIsTriedAgainWhenAnOrderCameFreeMeanwhile: the last card was turned away for
// lack of an order, and that is reported only after the order of another came free.
func TestCardIsTriedAgainWhenAnOrderCameFreeMeanwhile(t *testing.T) {
	refused, good := &blank{"refused"}, &blank{"good"}
	empty := 0
	f := &VirtualOperator{Readers: NewReaders("left", "right"), Stack: []Card{refused, good},
		Empty: func() { empty++ }}
	f.Load("left", "right")
	tell := func(kind progress.Kind, reader string) {
		f.Handle(progress.Event{Kind: kind, Who: reader})
	}
	tell(progress.Taken, "left")
	tell(progress.Rejected, "left")
	tell(progress.NotTaken, "right")
	assert.Zero(t, empty)
	assert.Same(t, good, f.Readers.slots["right"].card)

	tell(progress.NotTaken, "right")
	assert.Equal(t, 1, empty, "nobody else was at work, so it is not needed")
	assert.Nil(t, f.Readers.slots["right"].card)
}

// TestCardIsTriedAgainThatMayHaveAnOrder: the batch was killed before it could report that a card
// has an order, and the card is refused once when the batch runs again.
func TestCardIsTriedAgainThatMayHaveAnOrder(t *testing.T) {
	unreported := &blank{"unreported"}
	f := &VirtualOperator{Readers: NewReaders("left"), Stack: []Card{unreported}}
	f.Load("left")
	f.Interrupted()
	f.Handle(progress.Event{Kind: progress.Refused, Who: "left"})
	again, isStarted := f.Readers.slots["left"].card.(*startedCard)
	require.True(t, isStarted, "it is in the reader again")
	assert.Same(t, unreported, again.Card)

	for range mostRefusals {
		f.Handle(progress.Event{Kind: progress.Refused, Who: "left"})
	}
	assert.Nil(t, f.Readers.slots["left"].card, "a card that nothing can be done with ends")
}
