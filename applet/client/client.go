// Package client is the Go side of the applet: one file for a command, named as in
// the spec, each a method of [Client] on an [apdu.Card]. Start at [New].
//
// Messages and certificates go in and come out as the bytes of the wire; packages
// apdu/message and apdu/cvc parse them. A status word other than 9000 is returned as a
// [*Refusal], whose text is what the applet means by it and what to do, and which
// matches a family such as [ErrLimit].
//
// The package trusts nothing that the card answers: the caller verifies that an answer
// is authentic.
package client

import (
	"context"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// Client sends commands to the applet on one card. It keeps nothing between commands;
// what the card keeps of a session (selection, verified PIN) ends with the tap. Like
// the card it is used by one goroutine at a time.
type Client struct {
	// Links are the link certificates (7F21) from root to root that the caller knows, the earliest
	// first. A card that does not know the root of an authority gets them.
	Links [][]byte
	// Known returns the caller's own certificate of the authority of which another side has given
	// one; nil for none. A card that has not met the last root, or knows the one before last no
	// longer, may know the root of the one and not of the other.
	Known func(authority []byte) []byte

	card apdu.Card
}

// New makes a client. The card carries whole commands and responses: wrap it in
// [apdu.Framing] when reader or card offer short APDUs only.
func New(card apdu.Card) *Client { return &Client{card: card} }

// send transmits one command and returns the response data. Its errors are
// [*Refusal] and [*LinkLost].
func (c *Client) send(ctx context.Context, v spec.Variant, data ...[]byte) ([]byte, error) {
	return c.transmit(ctx, v, v.APDU(data...))
}

func (c *Client) transmit(
	ctx context.Context, v spec.Variant, command apdu.Command,
) ([]byte, error) {
	response, err := c.card.Transmit(ctx, command)
	if err == nil {
		err = response.SW.Check() // what is no status word decides nothing
	}
	if err != nil {
		return nil, &LinkLost{Command: v.Title(), Err: err}
	}
	if response.SW != apdu.OK {
		return nil, &Refusal{Variant: v, SW: response.SW}
	}
	return response.Data, nil
}
