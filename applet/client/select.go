package client

import (
	"context"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
)

// Select selects the application and returns what it answers to every reader; the card
// forgets a verified PIN and an answered Challenge of the session before.
func (c *Client) Select(ctx context.Context) (message.FCI, error) {
	v := spec.Select.Only()
	answer, err := c.send(ctx, v, []byte(spec.AppletAID))
	if err != nil {
		return message.FCI{}, err
	}
	// The version comes first: another one may answer other data objects.
	if version, told := message.SpecVersion(answer); told && version>>8 != spec.Version>>8 {
		return message.FCI{}, fmt.Errorf("%w: %d.%d on the card, %d.%d here: update the older of "+
			"the two, a card by issuing a new one", ErrVersion,
			version>>8, version&0xFF, spec.Version>>8, spec.Version&0xFF)
	}
	fci, err := message.ParseFCI(answer)
	if err != nil {
		return message.FCI{}, answerError(v, err)
	}
	return *fci, nil
}
