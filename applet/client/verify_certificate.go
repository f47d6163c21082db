package client

import (
	"bytes"
	"context"
	"fmt"

	"ekrona.example/apdu/spec"
)

// VerifyCertificate presents an authority's certificate (7F21): the root's first
// of all, then those that a root has signed.
func (c *Client) VerifyCertificate(ctx context.Context, certificate []byte) error {
	_, err := c.send(ctx, spec.VerifyCertificate.Only(), certificate)
	return err
}

// FollowRoots presents the client's links to the card, so that it knows the last root that they
// lead to; it forgets what was presented in the session before. A link from a root that it does not
// know any more, as it knows later ones, is passed over.
func (c *Client) FollowRoots(ctx context.Context) error {
	for _, link := range c.Links {
		if err := c.VerifyCertificate(ctx, link); err != nil && !Is(err, spec.SWReferenceUnknown) {
			return err
		}
	}
	return nil
}

// introduced sends a command that may need authorities that the card does not know.
// When the card answers 6A88 they are presented and the command is given once more; a
// verified PIN stays verified. When the card knows them, the command is sent once and
// nothing else. An authority whose root the card does not know comes after the links to it, or is
// shown by the caller's own certificate of it. Errors: [ErrUnknownRoot], with the card's refusal.
func (c *Client) introduced(
	ctx context.Context, authorities [][]byte, v spec.Variant, data ...[]byte,
) ([]byte, error) {
	answer, err := c.send(ctx, v, data...)
	if !Is(err, spec.SWReferenceUnknown) {
		return answer, err
	}
	err = c.present(ctx, authorities)
	if Is(err, spec.SWReferenceUnknown) && len(c.Links) > 0 {
		if err := c.FollowRoots(ctx); err != nil {
			return nil, err
		}
		err = c.present(ctx, authorities) // all: a card that learns a root forgets the others
	}
	if own := c.own(authorities); Is(err, spec.SWReferenceUnknown) && own != nil {
		err = c.present(ctx, own)
	}
	switch {
	case Is(err, spec.SWReferenceUnknown):
		return nil, fmt.Errorf("%w (%w)", ErrUnknownRoot, err)
	case err != nil:
		return nil, err
	}
	return c.send(ctx, v, data...)
}

// own returns authorities by the caller's own certificates, as far as it has others; nil where it
// has none.
func (c *Client) own(authorities [][]byte) (own [][]byte) {
	if c.Known == nil {
		return nil
	}
	another := false
	for _, authority := range authorities {
		known := c.Known(authority)
		if known == nil {
			known = authority
		}
		another = another || !bytes.Equal(known, authority)
		own = append(own, known)
	}
	if !another {
		return nil
	}
	return own
}

func (c *Client) present(ctx context.Context, authorities [][]byte) error {
	for _, authority := range authorities {
		if err := c.VerifyCertificate(ctx, authority); err != nil {
			return err
		}
	}
	return nil
}
