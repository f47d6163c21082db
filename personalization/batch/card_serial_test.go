package batch_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/batchtest"
)

// answering is a card whose GET DATA of one object is refused.
type answering struct {
	*globalplatform.Card
	tag uint16
	sw  apdu.StatusWord
}

func (a answering) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if c.INS == gpc.InsGetData && uint16(c.P1)<<8|uint16(c.P2) == a.tag {
		return apdu.Response{SW: a.sw}, nil
	}
	return a.Card.Transmit(ctx, c)
}

// A card has one serial: a temporary refusal does not make another card of it.
func TestCardHasOneSerial(t *testing.T) {
	card, err := batchtest.NewCard(t.Name(), false)
	require.NoError(t, err)
	itself, err := batch.Identify(t.Context(), card)
	require.NoError(t, err)

	without, err := batch.Identify(t.Context(),
		answering{card, uint16(gpc.TagCPLC), apdu.SWNotFound})
	require.NoError(t, err)
	assert.NotEqual(t, itself, without, "by its keys, as it has no production data")
	for _, sw := range []apdu.StatusWord{0x6F00, apdu.SWMemoryFailure, apdu.SWConditions} {
		_, err := batch.Identify(t.Context(), answering{card, uint16(gpc.TagCPLC), sw})
		assert.ErrorIs(t, err, sw)
	}
}
