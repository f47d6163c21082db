package flows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/terminal"
)

// between is a card with somebody between it and the terminal.
func between(
	card apdu.Card, do func(c apdu.Command, answer apdu.Response) apdu.Response,
) apdu.Card {
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		answer, err := card.Transmit(ctx, c)
		return do(c, answer), err
	})
}

// TestOnlyTheCardEndsATap: who stands between answers in the card's place. The sale stays open
// until the card's own answer has come.
func TestOnlyTheCardEndsATap(t *testing.T) {
	w, anna, merchant := annaAndMerchant(t)
	right := block(t, rightPIN)
	for name, answer := range map[string]apdu.Response{
		"a refusal in clear":  {SW: spec.SWFunds},
		"a PIN that is wrong": {SW: spec.SWPINWrong | 2},
		"an empty success":    {SW: apdu.OK},
		"a made up success":   {Data: append([]byte{0x87, 0x20}, make([]byte, 32)...), SW: apdu.OK},
	} {
		before := w.offline(anna)
		sale, err := merchant.Ask(w.ctx, 5*money.Krona)
		require.NoError(t, err)
		_, err = merchant.Take(w.ctx, sale.Number, between(anna.reader(),
			func(c apdu.Command, genuine apdu.Response) apdu.Response {
				if c.INS == spec.Pay.INS && genuine.SW == apdu.OK {
					return answer
				}
				return genuine
			}), right)
		var torn *terminal.TornTap
		require.ErrorAs(t, err, &torn, name)
		closed, err := merchant.CloseUnpaid(w.ctx, sale.Number)
		require.NoError(t, err)
		require.False(t, closed, "%s: the card has paid", name)
		_, err = merchant.Take(w.ctx, sale.Number, anna.reader(), pin.Block{})
		require.NoError(t, err, "%s: its own answer comes without the PIN", name)
		assert.Equal(t, before-5*money.Krona, w.offline(anna), name)
	}
	sale, err := merchant.Ask(w.ctx, 5*money.Krona)
	require.NoError(t, err)
	_, err = merchant.Take(w.ctx, sale.Number, anna.reader(), block(t, "9999"))
	require.ErrorIs(t, err, apdu.SWTriesLeft|2)
	closed, err := merchant.CloseUnpaid(w.ctx, sale.Number)
	require.NoError(t, err)
	require.True(t, closed, "the card says that it has not paid")
	w.audit("nothing is lost")
}

// TestABatchIsTheCards: a batch or a certificate that somebody else shows gets no PIN.
func TestABatchIsTheCards(t *testing.T) {
	w, anna, merchant := annaAndMerchant(t)
	sale, err := merchant.Ask(w.ctx, 5*money.Krona)
	require.NoError(t, err)
	_, err = merchant.Take(w.ctx, sale.Number, between(anna.reader(),
		func(c apdu.Command, genuine apdu.Response) apdu.Response {
			if c.INS == spec.GetData.INS {
				genuine.Data = anna.device.Certificate
			}
			return genuine
		}), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrBatch)
	closed, err := merchant.CloseUnpaid(w.ctx, sale.Number)
	require.NoError(t, err)
	require.True(t, closed, "no PAY has gone out")
}
