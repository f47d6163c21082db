package client

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// Pair pairs the card whose PIN key this is with the phone that has the private key, which it
// keeps before: the same one again gives the same pair key. nonce is the session's, and is used
// up. Errors: [*Refusal] for a wrong PIN, among others; [pairing.ErrNotCard].
func (c *Client) Pair(
	ctx context.Context, own *ecdh.PrivateKey, card *ecdsa.PublicKey, entered pin.Block,
	nonce message.Nonce,
) (pairing.Key, error) {
	v := spec.Pair.Only()
	p, err := pairing.New(own, card)
	if err != nil {
		return pairing.Key{}, fmt.Errorf("%s: %w", v.Title(), err)
	}
	data, err := p.Command(entered, nonce)
	if err != nil {
		return pairing.Key{}, fmt.Errorf("%s: %w", v.Title(), err)
	}
	defer clear(data)
	answer, err := c.send(ctx, v, data)
	if err != nil {
		return pairing.Key{}, err
	}
	if err := p.Verify(answer, nonce); err != nil {
		return pairing.Key{}, fmt.Errorf("%s: %w", v.Title(), err)
	}
	return p.Key(), nil
}
