package client

import (
	"context"
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// PINTries asks how many tries the PIN has left, and takes none. A PIN that is verified
// in this session has all of them: known is false then, and before activation.
func (c *Client) PINTries(ctx context.Context) (left int, known bool, err error) {
	v, err := variant(spec.Verify, "plaintext")
	if err != nil {
		return 0, false, err
	}
	_, err = c.send(ctx, v)
	var tries apdu.TriesLeft
	switch {
	case err == nil, Is(err, spec.SWConditions):
		return 0, false, nil
	case errors.As(err, &tries):
		return int(tries), true, nil
	case Is(err, spec.SWPINBlocked):
		return 0, true, nil
	}
	return 0, false, err
}
