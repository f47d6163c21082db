package client

import (
	"context"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// ResetPIN sets a new PIN by the PUK, with all its tries.
func (c *Client) ResetPIN(
	ctx context.Context, puk, replacement pin.Block, transport PINTransport,
) error {
	return c.sendPIN(ctx, spec.ResetRetryCounter, transport, puk, replacement)
}
