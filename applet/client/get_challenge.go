package client

import (
	"context"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// GetChallenge asks for the session's next nonce, in place of the one before.
func (c *Client) GetChallenge(ctx context.Context) (message.Nonce, error) {
	random, err := c.send(ctx, spec.GetChallenge.Only())
	if err == nil && len(random) != spec.NonceLength {
		return message.Nonce{}, answerError(spec.GetChallenge.Only(),
			fmt.Errorf("%d bytes instead of %d", len(random), spec.NonceLength))
	}
	if err != nil {
		return message.Nonce{}, err
	}
	return message.Nonce(random), nil
}
