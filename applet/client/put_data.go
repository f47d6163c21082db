package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// PutCertificate stores the card's own certificate (7F21), or that of its batch key: the
// first, or at any time a later one for the same key, id and role.
func (c *Client) PutCertificate(ctx context.Context, certificate []byte) error {
	return c.putData(ctx, "certificate", certificate)
}

// PutFirstPIN stores PIN and PUK before activation, as package pin enciphers them
// under the token's keys.
func (c *Client) PutFirstPIN(ctx context.Context, enciphered []byte) error {
	return c.putData(ctx, "first PIN", enciphered)
}

// PutBatchKey stores the batch key before activation, as package pin enciphers it under
// the token's keys. Its certificate comes after it.
func (c *Client) PutBatchKey(ctx context.Context, enciphered []byte) error {
	return c.putData(ctx, "batch key", enciphered)
}

func (c *Client) putData(ctx context.Context, name string, data []byte) error {
	v, err := variant(spec.PutData, name)
	if err != nil {
		return err
	}
	_, err = c.send(ctx, v, data)
	return err
}
