package card

import (
	"context"

	"ekrona/apdu/spec"
)

// PutCertificate stores the card's own certificate (7F21): the first, or at any
// time a later one for the same key, id and role.
func (c *Client) PutCertificate(ctx context.Context, certificate []byte) error {
	v, err := variant(spec.PutData, "certificate")
	if err != nil {
		return err
	}
	_, err = c.send(ctx, v, certificate)
	return err
}

// PutFirstPIN stores PIN and PUK before activation. iv is random, cryptogram and
// mac are made with the token's keys.
func (c *Client) PutFirstPIN(ctx context.Context, iv, cryptogram, mac []byte) error {
	v, err := variant(spec.PutData, "first PIN")
	if err != nil {
		return err
	}
	data := new(objects).add(spec.TagIV, iv).add(spec.TagCryptogram, cryptogram).add(spec.TagMAC, mac)
	if data.err != nil {
		return data.err
	}
	_, err = c.send(ctx, v, data.bytes)
	return err
}
