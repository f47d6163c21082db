package globalplatform

import (
	"context"
	"fmt"
	"math/big"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// Domain is what a security domain answers when it is selected.
type Domain struct {
	AID     []byte
	MaxData int  // most data of a command, in bytes
	Locked  bool // the card is in CARD_LOCKED
}

// Select selects a security domain by SELECT, the issuer's if aid is empty (GPC
// §11.9).
func Select(ctx context.Context, card apdu.Card, aid []byte) (Domain, error) {
	response, err := card.Transmit(ctx, apdu.Command{
		CLA: gpc.ClassISO, INS: gpc.InsSelect, P1: gpc.P1ByName, Data: aid, Ne: apdu.MaxShortNe,
	})
	if err != nil {
		return Domain{}, err
	}
	data, err := gpc.Check("SELECT of the security domain", response, apdu.SWDeactivated)
	if err != nil {
		return Domain{}, err
	}
	d, err := parseFCI(data)
	d.Locked = response.SW == apdu.SWDeactivated
	return d, err
}

// parseFCI reads GPC table 11-82. Other data objects are ignored.
func parseFCI(b []byte) (Domain, error) {
	fci, err := find(b, gpc.TagFCI)
	if err != nil {
		return Domain{}, err
	}
	d := Domain{MaxData: apdu.MaxShortData}
	if d.AID, err = find(fci, gpc.TagAIDOfFCI); err != nil {
		return Domain{}, err
	}
	if len(d.AID) < gpc.MinAIDLength || len(d.AID) > gpc.MaxAIDLength {
		return Domain{}, fmt.Errorf(
			"%w: SELECT: the answer names no security domain; is this a GlobalPlatform card?",
			gpc.ErrMalformed)
	}
	proprietary, err := find(fci, gpc.TagProprietary)
	if err != nil {
		return Domain{}, err
	}
	most, err := find(proprietary, gpc.TagMaxData)
	if n := new(big.Int).SetBytes(most); err == nil && n.Sign() > 0 &&
		n.Cmp(big.NewInt(apdu.MaxShortData)) < 0 {
		d.MaxData = int(n.Int64())
	}
	return d, err
}

// find returns the value of the first data object with the tag, none if there is
// none.
func find(b []byte, t tlv.Tag) ([]byte, error) {
	for r := tlv.NewReader(b); !r.Empty(); {
		o, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: SELECT: %w", gpc.ErrMalformed, err)
		}
		if o.Tag == t {
			return o.Value, nil
		}
	}
	return nil, nil
}

// GetData reads a data object of the selected security domain with GET DATA (GPC
// §11.3), with tag and length. It goes over a channel or without one.
func GetData(ctx context.Context, card apdu.Card, t tlv.Tag) ([]byte, error) {
	return getData(ctx, card, t, nil)
}

func getData(ctx context.Context, card apdu.Card, t tlv.Tag, data []byte) ([]byte, error) {
	response, err := card.Transmit(ctx, apdu.Command{
		CLA: gpc.ClassPlain, INS: gpc.InsGetData, P1: byte(t >> 8), P2: byte(t), Data: data,
		Ne: apdu.MaxShortNe,
	})
	if err != nil {
		return nil, err
	}
	return gpc.Check(fmt.Sprintf("GET DATA %v", t), response)
}

// Identify reads the platform of an NXP card; other cards refuse the command.
func Identify(ctx context.Context, card apdu.Card) (*gpc.NXPIdentity, error) {
	data, err := getData(ctx, card, gpc.TagNXPProprietary, gpc.NXPIdentifyData())
	if err != nil {
		return nil, err
	}
	return gpc.ParseNXPIdentity(data)
}

// Keys lists the keys of the selected security domain: their numbers and kinds.
func Keys(ctx context.Context, card apdu.Card) ([]gpc.KeyInfo, error) {
	template, err := GetData(ctx, card, gpc.TagKeyTemplate)
	if err != nil {
		return nil, err
	}
	return gpc.ParseKeyTemplate(template)
}
