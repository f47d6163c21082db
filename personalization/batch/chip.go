package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/gpc"
	"ekrona/apdu/tlv"
	"ekrona/personalization/globalplatform"
)

// Chip is what tells one chip from all others, whatever is on it. It is no secret,
// and no proof: a card can say what it likes. What is issued to a chip is tied to it
// by its keys and by the order's token.
type Chip string

// ErrNoIdentity says that a card tells nothing by which it could be recognised.
var ErrNoIdentity = errors.New("the card has neither CPLC data nor IIN and CIN by which it could be recognised after a cut: issue it by itself with \"ekrona issue card\"")

// Identify asks the card's security domain who the chip is. It changes nothing on
// the card.
func Identify(ctx context.Context, card apdu.Card) (Chip, error) {
	if _, err := globalplatform.Select(ctx, card, nil); err != nil {
		return "", err
	}
	cplc, err := value(ctx, card, gpc.TagCPLC)
	if err != nil {
		return "", err
	}
	if number, ok := serial(cplc); ok {
		return Chip(fmt.Sprintf("CPLC-%X", number)), nil
	}
	iin, err := value(ctx, card, gpc.TagIIN)
	if err != nil {
		return "", err
	}
	cin, err := value(ctx, card, gpc.TagCIN)
	if err != nil {
		return "", err
	}
	if len(cin) == 0 {
		return "", ErrNoIdentity
	}
	return Chip(fmt.Sprintf("CIN-%X-%X", iin, cin)), nil
}

// Layout of CPLC data ("GlobalPlatform Card Specification 2.1.1" appendix, Visa's
// card production life cycle data): where the chip is identified.
const (
	cplcLength      = 42
	cplcFabricator  = 0  // 2 bytes, and 2 of the chip's type
	cplcFabrication = 10 // date (2), serial number (4), batch (2)
	cplcIdentity    = 8
)

// serial is fabricator and type of the chip, fabrication date, serial number and
// batch; none if the last three were never written.
func serial(cplc []byte) ([]byte, bool) {
	if len(cplc) != cplcLength {
		return nil, false
	}
	own := cplc[cplcFabrication:][:cplcIdentity]
	if blank := bytes.Repeat(own[:1], len(own)); (own[0] == 0 || own[0] == 0xFF) && bytes.Equal(own, blank) {
		return nil, false
	}
	return append(bytes.Clone(cplc[cplcFabricator:][:4]), own...), true
}

// value is a data object's value; none if the card does not have it.
func value(ctx context.Context, card apdu.Card, tag tlv.Tag) ([]byte, error) {
	encoded, err := globalplatform.GetData(ctx, card, tag)
	var refusal *gpc.Refusal
	if errors.As(err, &refusal) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := tlv.NewReader(encoded)
	object, err := r.Next()
	if err != nil || object.Tag != tag {
		return nil, nil // as little as nothing
	}
	return object.Value, nil
}
