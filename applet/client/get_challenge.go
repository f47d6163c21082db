package client

import (
	"context"
	"fmt"

	"ekrona/apdu/spec"
)

// GetChallenge asks for the random number that the next enciphered PIN carries.
func (c *Client) GetChallenge(ctx context.Context) ([]byte, error) {
	random, err := c.send(ctx, spec.GetChallenge.Only())
	if err == nil && len(random) != spec.ChallengeLength {
		return nil, answerError(spec.GetChallenge.Only(),
			fmt.Errorf("%d bytes instead of %d", len(random), spec.ChallengeLength))
	}
	return random, err
}
