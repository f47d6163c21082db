package client

import (
	"context"

	"ekrona/apdu/spec"
)

// VerifyCertificate presents an authority's certificate (7F21): the root's first
// of all, then those that a root has signed.
func (c *Client) VerifyCertificate(ctx context.Context, certificate []byte) error {
	_, err := c.send(ctx, spec.VerifyCertificate.Only(), certificate)
	return err
}

// introduced sends a command that may need authorities that the card does not know.
// When the card answers 6A88 they are presented and the command is given once more; a
// verified PIN stays verified. When the card knows them, the command is sent once and
// nothing else.
func (c *Client) introduced(
	ctx context.Context, authorities [][]byte, v spec.Variant, data ...[]byte,
) ([]byte, error) {
	answer, err := c.send(ctx, v, data...)
	if !Is(err, spec.SWReferenceUnknown) {
		return answer, err
	}
	for _, authority := range authorities {
		if err := c.VerifyCertificate(ctx, authority); err != nil {
			return nil, err
		}
	}
	return c.send(ctx, v, data...)
}
