package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// CrisisOrder stores a signed crisis order in place of the one before. The certificates of crisis
// key and notary (7F21) are presented only when the card does not remember one of them.
func (c *Client) CrisisOrder(ctx context.Context, order, crisisKey, notary []byte) error {
	_, err := c.introduced(ctx, [][]byte{crisisKey, notary}, spec.TakeCrisisOrder.Only(), order)
	return err
}

// StoredCrisisOrder reads the crisis order that the card holds, which any reader may have.
func (c *Client) StoredCrisisOrder(ctx context.Context) ([]byte, error) {
	v, err := variant(spec.GetData, "crisis order")
	if err != nil {
		return nil, err
	}
	return c.send(ctx, v)
}

// CrisisCertificate reads the certificate of the crisis key that the card knows (7F21), which any
// reader may have.
func (c *Client) CrisisCertificate(ctx context.Context) ([]byte, error) {
	v, err := variant(spec.GetData, "crisis certificate")
	if err != nil {
		return nil, err
	}
	return c.send(ctx, v)
}
