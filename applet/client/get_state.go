package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// GetState answers a signed Challenge of the card's own intermediary with the
// signed State, and opens records and data objects for the rest of the session.
// instructionKey is that key's certificate, presented only when the card does not
// remember it.
func (c *Client) GetState(ctx context.Context, challenge, instructionKey []byte) ([]byte, error) {
	return c.introduced(ctx, [][]byte{instructionKey}, spec.GetState.Only(), challenge)
}
