package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// CardSerial distinguishes one card from all others, whatever is on it. It is no secret,
// and no proof: a card can report any. What is issued to a card is tied to it
// by its keys and by the order's token.
type CardSerial string

// ErrNoIdentity is returned if a card reports nothing by which it could be recognised.
var ErrNoIdentity = errors.New("the card has neither production data (CPLC) nor key " +
	"diversification data by which it could be recognised after a cut: issue it by itself with " +
	"\"ekrona issue card\"")

// Identify asks the card's security domain which card it is: by its production data,
// or where a product has none by its key diversification data. It changes
// nothing on the card.
func Identify(ctx context.Context, card apdu.Card) (CardSerial, error) {
	if _, err := globalplatform.Select(ctx, card, nil); err != nil {
		return "", err
	}
	production, err := dataObject(ctx, card, gpc.TagCPLC)
	if err != nil {
		return "", err
	}
	if c, err := gpc.ParseCPLC(production); err == nil && c.Serial != 0 && c.Serial != 0xFFFFFFFF {
		return CardSerial(fmt.Sprintf("%04X-%04X-%04X-%04X-%08X", c.Fabricator, c.ICType,
			uint16(c.FabricationDate), c.Batch, c.Serial)), nil
	}
	diversification, err := dataObject(ctx, card, gpc.TagDiversification)
	if err != nil {
		return "", err
	}
	for _, b := range diversification {
		if b != 0 && b != 0xFF {
			return CardSerial(fmt.Sprintf("keys-%X", diversification)), nil
		}
	}
	return "", ErrNoIdentity
}

// absent are the refusals that mean that a card has no such data object. Any other may
// be temporary, and the card would be taken for another one the next time.
var absent = []apdu.StatusWord{
	apdu.SWNotFound, apdu.SWFileNotFound, apdu.SWNotSupported, apdu.SWWrongP1P2, apdu.SWInstruction,
}

// dataObject is a data object's value; empty if the card does not have it, or has an
// empty one.
func dataObject(ctx context.Context, card apdu.Card, tag tlv.Tag) ([]byte, error) {
	encoded, err := globalplatform.GetData(ctx, card, tag)
	var refusal *gpc.Refusal
	if errors.As(err, &refusal) && slices.Contains(absent, refusal.SW) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value, err := gpc.Value(encoded, tag)
	if err != nil {
		return nil, nil
	}
	return value, nil
}
