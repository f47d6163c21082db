package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// GenerateKeyPair makes the card's keys, or names those it has, before activation
// only. pin.Token.VerifyKeyAnswer checks and reads the answer.
func (c *Client) GenerateKeyPair(ctx context.Context) ([]byte, error) {
	return c.send(ctx, spec.GenerateKeyPair.Only())
}
