package card

import (
	"context"

	"ekrona/apdu/spec"
)

// Refuse closes the open Request of a number for ever and returns the signed
// Refusal; a refused number again returns the same one.
func (c *Client) Refuse(ctx context.Context, number uint32) ([]byte, error) {
	data := new(objects).addCounter(spec.TagNumber, number)
	if data.err != nil {
		return nil, data.err
	}
	return c.send(ctx, spec.Refuse.Only(), data.bytes)
}
