package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// Activate ends personalization; the card forgets its token.
func (c *Client) Activate(ctx context.Context) error {
	_, err := c.send(ctx, spec.Activate.Only())
	return err
}
