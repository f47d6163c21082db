package card

import (
	"context"

	"ekrona/apdu/spec"
)

// Keys is the answer to GENERATE ASYMMETRIC KEY PAIR.
type Keys struct {
	Signing []byte // uncompressed point of the key that signs, 65 bytes
	PIN     []byte // uncompressed point that PINs are enciphered to, 65 bytes
	MAC     []byte // AES-CMAC over device id and both points, 16 bytes
}

// GenerateKeyPair makes the card's keys, or returns those it has, before
// activation only. Whoever knows the token checks the MAC.
func (c *Client) GenerateKeyPair(ctx context.Context) (Keys, error) {
	v := spec.GenerateKeyPair.Only()
	answer, err := c.send(ctx, v)
	if err != nil {
		return Keys{}, err
	}
	templates, err := values(v, answer, spec.TagPublicKey, spec.TagPublicKey, spec.TagMAC)
	if err != nil {
		return Keys{}, err
	}
	signing, err := values(v, templates[0], spec.TagPoint)
	if err != nil {
		return Keys{}, err
	}
	pin, err := values(v, templates[1], spec.TagPoint)
	if err != nil {
		return Keys{}, err
	}
	return Keys{signing[0], pin[0], templates[2]}, nil
}
