package client

import (
	"context"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// Refuse closes the open Request of a number for ever and returns the signed
// Refusal; a refused number again returns the same one.
func (c *Client) Refuse(ctx context.Context, number uint32) ([]byte, error) {
	v := spec.Refuse.Only()
	data, err := layout.Append(nil, v.In, []layout.Value{(*layout.Uint32)(&number)})
	if err != nil {
		return nil, err
	}
	return c.send(ctx, v, data)
}
