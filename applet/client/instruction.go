package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// Instruction applies a signed Instruction and returns the signed Confirmation;
// the last one again returns the same one. The two certificates are presented only
// when the card does not remember one of them.
func (c *Client) Instruction(
	ctx context.Context, instruction, instructionKey, notary []byte,
) ([]byte, error) {
	return c.introduced(ctx, [][]byte{instructionKey, notary}, spec.Instruct.Only(), instruction)
}
