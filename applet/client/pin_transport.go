package client

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"io"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// PINTransport is how PINs go to the card. The zero value sends them in plain,
// which a terminal does; an owner's phone knows the card's PIN key and enciphers.
type PINTransport struct {
	Key    *ecdsa.PublicKey // the card's PIN key; nil sends in plain
	Random io.Reader        // for the ephemeral key
}

// sendPIN sends one or two PIN blocks with a command that has both variants.
func (c *Client) sendPIN(
	ctx context.Context, command *spec.Command, transport PINTransport, blocks ...pin.Block,
) error {
	name := "plaintext"
	if transport.Key != nil {
		name = "enciphered"
	}
	v, err := variant(command, name)
	if err != nil {
		return err
	}
	var data []byte
	if transport.Key == nil {
		for _, block := range blocks {
			data = append(data, block[:]...)
		}
	} else {
		nonce, err := c.GetChallenge(ctx)
		if err != nil {
			return err
		}
		if data, err = pin.Encipher(transport.Random, transport.Key, nonce, blocks...); err != nil {
			return fmt.Errorf("%s: %w", v.Title(), err)
		}
	}
	defer clear(data)
	_, err = c.send(ctx, v, data)
	return err
}
