package client

import (
	"context"

	"ekrona/apdu/spec"
)

// Pay pays a signed Request and returns the signed Payment; certificate is the payee's
// (7F21). The same Request again returns the same Payment without a new debit and
// without PIN, while the card keeps the record. authority is the certificate of the
// payee's CA, presented only when the card does not know it.
func (c *Client) Pay(ctx context.Context, request, certificate, authority []byte) ([]byte, error) {
	return c.introduced(ctx, [][]byte{authority}, spec.Pay.Only(), request, certificate)
}
