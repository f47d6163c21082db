package client

import (
	"context"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// ChangePIN replaces the PIN by a new one.
func (c *Client) ChangePIN(
	ctx context.Context, old, replacement pin.Block, transport PINTransport,
) error {
	return c.sendPIN(ctx, spec.ChangeReferenceData, transport, old, replacement)
}
