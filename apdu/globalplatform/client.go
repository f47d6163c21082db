package globalplatform

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
)

// Client is an open secure channel to a security domain.
type Client struct {
	channel *scp03.Channel
	inside  apdu.Card // the channel, with whatever Watch put before it
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
	return &Client{channel, channel, domain, o.Random}, nil
}

// Watch puts a card before the channel, such as a recorder, which sees commands before
// they are protected and responses after their protection is removed.
func (c *Client) Watch(watch func(channel apdu.Card) apdu.Card) { c.inside = watch(c.channel) }

// Domain is what the security domain reported about itself.
func (c *Client) Domain() Domain { return c.domain }

// Card is the channel as a card, for what this package has no method for.
func (c *Client) Card() apdu.Card { return c.inside }

// Offer is what the card said when the channel was opened: its key version and what
// its keys are diversified with.
func (c *Client) Offer() scp03.Offer { return c.channel.Offer() }

// Level is the security of the channel.
func (c *Client) Level() scp03.Level { return c.channel.Level() }

// Save keeps how far the channel has got: see [scp03.Channel.Save].
func (c *Client) Save() (restore func()) { return c.channel.Save() }

// Fitting names which of the key sources fits the card; see [scp03.Channel.Fitting].
func (c *Client) Fitting() int { return c.channel.Fitting() }

// KeyVersion is the version of the key set that the channel was opened with.
func (c *Client) KeyVersion() byte { return c.channel.Offer().KeyVersion }

// send sends a command that must succeed.
func (c *Client) send(ctx context.Context, command apdu.Command) ([]byte, error) {
	command.CLA, command.Ne = gpc.ClassPlain, apdu.MaxShortNe
	response, err := c.inside.Transmit(ctx, command)
	if err != nil {
		return nil, err
	}
	name := gpc.CommandName(command)
	if command.INS == gpc.InsLoad {
		name = fmt.Sprintf("%s of block %d", name, command.P2)
	}
	return gpc.Check(name, response)
}
