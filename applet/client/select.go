package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// What a card answers that selects no application (GPC 2.3.1 §11.9.3).
var (
	// ErrNoApplication reports that the application is not on the card, or is locked.
	ErrNoApplication = errors.New("this is no e-krona card, or its application is locked: take " +
		"another card; whoever issued this one sees which it is (\"ekrona issue check\")")
	// ErrCardLocked reports that the card as a whole is locked.
	ErrCardLocked = errors.New("the card is locked by whoever issued it: have it unlocked " +
		"(\"ekrona issue unlock\") or replaced")
)

// Select selects the application and returns what it answers to every reader; the card
// forgets a verified PIN and an answered Challenge of the session before. Errors:
// [ErrNoApplication], [ErrCardLocked], [ErrVersion].
func (c *Client) Select(ctx context.Context) (message.FCI, error) {
	v := spec.Select.Only()
	answer, err := c.send(ctx, v, []byte(spec.AppletAID))
	switch {
	case Is(err, apdu.SWFileNotFound):
		return message.FCI{}, fmt.Errorf("%w: %w", err, ErrNoApplication)
	case Is(err, apdu.SWNotSupported):
		return message.FCI{}, fmt.Errorf("%w: %w", err, ErrCardLocked)
	case err != nil:
		return message.FCI{}, err
	}
	fci, err := message.ParseFCI(answer)
	// The answer of another version may have other data objects, but says which it is.
	if on, found := versionIn(answer); found && on>>8 != spec.Version>>8 {
		return message.FCI{},
			fmt.Errorf("%w: %d.%d on the card, %d.%d here: update the older of the two, a card by "+
				"issuing a new one", ErrVersion, on>>8, on&0xFF, spec.Version>>8, spec.Version&0xFF)
	}
	if err != nil {
		return message.FCI{}, answerError(v, err)
	}
	return *fci, nil
}

// versionIn finds the version in an answer to SELECT.
func versionIn(answer []byte) (version uint16, found bool) {
	nodes, err := tlv.Parse(answer)
	if err != nil {
		return 0, false
	}
	for at := 0; at < len(nodes); at++ {
		nodes = append(nodes, nodes[at].Children...)
		if nodes[at].Tag == spec.TagSpecVersion && len(nodes[at].Value) == 2 {
			return binary.BigEndian.Uint16(nodes[at].Value), true
		}
	}
	return 0, false
}
