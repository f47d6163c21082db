package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona/apdu"
	"ekrona/apdu/globalplatform"
	"ekrona/apdu/gpc"
	"ekrona/apdu/tlv"
)

// CardSerial is what tells one chip from all others, whatever is on it. It is no secret,
// and no proof: a card can say what it likes. What is issued to a chip is tied to it
// by its keys and by the order's token.
type CardSerial string

// ErrNoIdentity says that a card tells nothing by which it could be recognised.
var ErrNoIdentity = errors.New("the card has neither production data (CPLC) nor key " +
	"diversification data by which it could be recognised after a cut: issue it by itself with " +
	"\"ekrona issue card\"")

// Identify asks the card's security domain who the chip is: by its production data,
// or where a product has none by the data from which its keys come. It changes
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

// absent are the refusals that say that a card has no such data object. Any other may
// pass, and whoever it fooled would take the card for another chip the next time.
var absent = []apdu.StatusWord{
	apdu.SWNotFound, apdu.SWFileNotFound, apdu.SWNotSupported, apdu.SWWrongP1P2, apdu.SWInstruction,
}

// dataObject is a data object's value; none if the card does not have it, or one that is
// none.
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
