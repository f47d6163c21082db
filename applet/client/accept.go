package client

import (
	"context"

	"ekrona.example/apdu/spec"
)

// Accept takes a signed Payment of an open Request and returns the signed Receipt;
// certificate is the payer's (7F21). An accepted Payment again returns the same
// Receipt. authority is the certificate of the payer's CA, presented only when the card
// does not know it; 6A88 after that means that no such Request is open.
func (c *Client) Accept(
	ctx context.Context, payment, certificate, authority []byte,
) ([]byte, error) {
	return c.introduced(ctx, [][]byte{authority}, spec.Accept.Only(), payment, certificate)
}
