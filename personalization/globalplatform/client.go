package globalplatform

import (
	"context"
	"crypto/rand"
	"io"

	"ekrona/apdu"
	"ekrona/apdu/gpc"
	"ekrona/personalization/scp03"
)

// Client is an open secure channel to a security domain.
type Client struct {
	channel *scp03.Channel
	domain  Domain
	random  io.Reader
}

// Open selects the security domain of this AID, the issuer's if it is empty, and
// opens a channel to it: SELECT, INITIALIZE UPDATE, and if the card proves to know
// the keys EXTERNAL AUTHENTICATE. See [scp03.Open] for the errors. Commands that do
// not fit a short APDU go out in parts.
func Open(ctx context.Context, card apdu.Card, aid []byte, o scp03.Options) (*Client, error) {
	domain, err := Select(ctx, card, aid)
	if err != nil {
		return nil, err
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	channel, err := scp03.Open(ctx, gpc.Chaining{Card: card}, o)
	if err != nil {
		return nil, err
	}
	return &Client{channel, domain, o.Random}, nil
}

// Domain is what the security domain said of itself.
func (c *Client) Domain() Domain { return c.domain }

// Card is the channel as a card, for what this package has no method for.
func (c *Client) Card() apdu.Card { return c.channel }

// Offer is what the card said when the channel was opened: its key version and what
// its keys are diversified with.
func (c *Client) Offer() scp03.Offer { return c.channel.Offer() }

// KeyVersion is the version of the key set that the channel was opened with.
func (c *Client) KeyVersion() byte { return c.channel.Offer().KeyVersion }

// send sends a command that must succeed.
func (c *Client) send(ctx context.Context, name string, command apdu.Command) ([]byte, error) {
	command.CLA, command.Ne = gpc.ClassPlain, apdu.MaxShortNe
	response, err := c.channel.Transmit(ctx, command)
	if err != nil {
		return nil, err
	}
	return gpc.Check(name, response)
}
