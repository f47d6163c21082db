package client

import (
	"context"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/spec"
)

// Authenticate proves the pair key to the card, which proves it too, and returns a client whose
// commands and answers are under secure messaging from then on. nonce is the session's, and is
// used up. A command of c in between ends it. Errors: [*Refusal] with spec.SWNotPaired;
// [pairing.ErrNotCard].
func (c *Client) Authenticate(
	ctx context.Context, random io.Reader, key pairing.Key, nonce message.Nonce,
) (*Client, error) {
	v := spec.MutualAuthenticate.Only()
	a, err := pairing.Authenticate(random, key, nonce)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	data, err := a.Command()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	answer, err := c.send(ctx, v, data)
	if err != nil {
		return nil, err
	}
	channel, err := a.Open(answer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	var secured apdu.Card = Secured{Card: c.card, Channel: channel}
	if observed, ok := c.card.(apdu.Observed); ok {
		secured = observed.Above(secured)
	}
	return New(secured), nil
}

// Secured is a card under secure messaging.
type Secured struct {
	Card    apdu.Card
	Channel *pairing.Channel
}

var _ apdu.Card = Secured{}

// Transmit sends a command under secure messaging. An answer that is not certainly the card's
// is an error, as one that did not come: the card may have acted.
func (s Secured) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	secured, err := s.Channel.Wrap(command)
	if err != nil {
		return apdu.Response{}, err
	}
	response, err := s.Card.Transmit(ctx, secured)
	if err != nil {
		return apdu.Response{}, err
	}
	return s.Channel.Unwrap(response)
}
