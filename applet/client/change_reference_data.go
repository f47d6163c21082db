package client

import (
	"context"

	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
)

// ChangePIN replaces the PIN by a new one.
func (c *Client) ChangePIN(
	ctx context.Context, old, replacement pin.Block, transport PINTransport,
) error {
	return c.sendPIN(ctx, spec.ChangeReferenceData, transport, old, replacement)
}
