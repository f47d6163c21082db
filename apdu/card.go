package apdu

import (
	"context"
	"fmt"
)

// Card is a smart card, or anything that answers as one. Transmit sends one
// command and returns the card's response. A status word other than 9000 is not
// an error of Transmit (see [Response.Err]); an error means that no response came
// and that the card may or may not have acted: power, reader or link were lost.
// A Card is used by one goroutine at a time.
type Card interface {
	Transmit(ctx context.Context, c Command) (Response, error)
}

// CardFunc adapts a function to a [Card].
type CardFunc func(ctx context.Context, c Command) (Response, error)

// Transmit calls f.
func (f CardFunc) Transmit(ctx context.Context, c Command) (Response, error) { return f(ctx, c) }

// Send transmits c and returns the response's data, or the status word as an
// error when it is not 9000.
func Send(ctx context.Context, card Card, c Command) ([]byte, error) {
	r, err := card.Transmit(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r.Data, nil
}

// Over is Transmit for a card that takes commands as they go over the wire: it gives
// wire the encoded command, unless ctx has ended.
func Over(
	ctx context.Context, c Command, wire func(command []byte) (Response, error),
) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, fmt.Errorf("card: %w", err)
	}
	raw, err := c.Bytes()
	if err != nil {
		return Response{}, err
	}
	return wire(raw)
}
