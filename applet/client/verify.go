package client

import (
	"context"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// Verify presents the PIN, which then serves one debit. A wrong one is 63Cx with
// the tries left, see apdu.TriesLeft.
func (c *Client) Verify(ctx context.Context, block pin.Block, transport PINTransport) error {
	return c.sendPIN(ctx, spec.Verify, transport, block)
}
