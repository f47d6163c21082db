package rehearsal

import (
	"context"
	"time"

	"ekrona/apdu"
)

// Exchange is one command as it was meant, and what became of it on the wire.
type Exchange struct {
	Command  apdu.Command  // before secure messaging
	Response apdu.Response // after it
	Err      error         // no response came
	Wire     []Shape       // the commands that carried it
	Sent     int           // bytes of commands
	Received int           // bytes of responses
	Took     time.Duration // in reader and card
}

// Shape is what of a command can be told beforehand.
type Shape struct {
	CLA, INS, P1, P2 byte
	Length           int // of the data
}

// ShapeOf is the shape of a command.
func ShapeOf(c apdu.Command) Shape { return Shape{c.CLA, c.INS, c.P1, c.P2, len(c.Data)} }

// Recorder tells each exchange with a card, whether it goes over a secure channel or
// not. It stands at two places: Wire before the card, and Channel, if there is one,
// before that.
type Recorder struct {
	Tell func(Exchange)

	inside *Exchange // of the command that is in the channel
}

// Wire stands before the card.
func (r *Recorder) Wire(card apdu.Card) apdu.Card {
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		begun := time.Now()
		response, err := card.Transmit(ctx, c)
		took := time.Since(begun)
		e := r.inside
		if e == nil {
			e = &Exchange{Command: c, Response: response, Err: err}
		}
		e.Wire, e.Took = append(e.Wire, ShapeOf(c)), e.Took+took
		if raw, failed := c.Bytes(); failed == nil {
			e.Sent += len(raw)
		}
		if err == nil {
			e.Received += len(response.Bytes())
		}
		if e != r.inside {
			r.Tell(*e)
		}
		return response, err
	})
}

// Channel stands before a secure channel over the card; see
// [personalization.Line.Watch].
func (r *Recorder) Channel(channel apdu.Card) apdu.Card {
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		r.inside = &Exchange{Command: c}
		e := r.inside
		e.Response, e.Err = channel.Transmit(ctx, c)
		r.inside = nil
		r.Tell(*e)
		return e.Response, e.Err
	})
}
