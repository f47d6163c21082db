package apdu

import (
	"context"
	"time"
)

// Recorder is a card that hands every exchange with the card below it to a sink. It
// changes nothing and adds no error.
//
// Recorders can be stacked. One above [Framing] or above a secure channel records whole
// commands in clear; one below records what went over the wire. The upper one has the
// lower one's exchanges in [Exchange.Wire], and the lower one marks them as Carried. For
// that the cards between them pass on the context of Transmit.
type Recorder struct {
	Card Card
	// Sink receives each exchange when it is over, in the goroutine of Transmit.
	Sink func(Exchange)
	// Label is that of the exchanges.
	Label string
	// Now is the clock; nil stands for [time.Now].
	Now func() time.Time
	// Secrets is the rule that names the bytes to be masked before the sink sees them;
	// nil masks none, and then the sink must not write to a log. Package trace's
	// Decoder.Secrets gives such a rule. It is called once for each exchange, in their
	// order, so that it may remember those before. The response is empty when none came.
	Secrets func(Command, Response) Secrets
}

var _ Card = Recorder{}

// Observed is a card whose exchanges somebody records. Above records what a secure channel to
// it carries, in clear; the channel's own exchanges are Carried then.
type Observed interface {
	Card
	Above(channel Card) Card
}

// recorderAbove is the context's key to the exchange of the Recorder above.
type recorderAbove struct{}

// Transmit sends c to the card below and hands on the exchange.
func (r Recorder) Transmit(ctx context.Context, c Command) (Response, error) {
	now := r.Now
	if now == nil {
		now = time.Now
	}
	above, carried := ctx.Value(recorderAbove{}).(*Exchange)
	e := Exchange{Label: r.Label, Command: c, Carried: carried, Began: now()}
	response, err := r.Card.Transmit(context.WithValue(ctx, recorderAbove{}, &e), c)
	e.Took = now().Sub(e.Began)
	if e.Err = err; err == nil {
		e.Response = response
	}
	e.own()
	if r.Secrets != nil {
		e.Masked = r.Secrets(e.Command, e.Response)
		mask(e.Command.Data, e.Masked.Command)
		mask(e.Response.Data, e.Masked.Response)
	}
	if carried {
		above.Wire = append(above.Wire, e)
	}
	r.Sink(e)
	return response, err
}
