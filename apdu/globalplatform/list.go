package globalplatform

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// Contents is what is on a card.
type Contents struct {
	Domain       gpc.Entry // the issuer security domain, whose life cycle is the card's
	Applications []gpc.Entry
	LoadFiles    []gpc.Entry // with their modules
}

// maxAnswers bounds how often a card may say that there is more.
const maxAnswers = 256

// List asks for everything by GET STATUS (GPC §11.4).
func (c *Client) List(ctx context.Context) (Contents, error) {
	domain, err := c.status(ctx, gpc.StatusISD)
	if err != nil {
		return Contents{}, err
	}
	if len(domain) != 1 {
		return Contents{}, fmt.Errorf("%w: GET STATUS gave %d issuer security domains",
			gpc.ErrMalformed, len(domain))
	}
	contents := Contents{Domain: domain[0]}
	if contents.Applications, err = c.status(ctx, gpc.StatusApplications); err != nil {
		return Contents{}, err
	}
	contents.LoadFiles, err = c.status(ctx, gpc.StatusLoadFileModules)
	return contents, err
}

func (c *Client) status(ctx context.Context, p1 byte) ([]gpc.Entry, error) {
	search, err := gpc.Search{}.Encode()
	if err != nil {
		return nil, err
	}
	var all []byte
	command := apdu.Command{CLA: gpc.ClassPlain, INS: gpc.InsGetStatus, P1: p1, P2: gpc.StatusTLV,
		Data: search, Ne: apdu.MaxShortNe}
	for range maxAnswers {
		response, err := c.inside.Transmit(ctx, command)
		if err != nil {
			return nil, err
		}
		data, err := gpc.Check("GET STATUS", response, apdu.SWMoreAvailable)
		if errors.Is(err, apdu.SWNotFound) && all == nil {
			return nil, nil // nothing of this kind
		}
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
		if response.SW != apdu.SWMoreAvailable {
			return gpc.ParseEntries(all)
		}
		command.P2 |= gpc.StatusNext
	}
	return nil, fmt.Errorf("%w: GET STATUS never ends", gpc.ErrMalformed)
}
