package flows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/wallet"
)

// withPIN is the person with phone and card, who enters the PIN at once.
func (p *person) withPIN(t *testing.T) wallet.Side {
	return wallet.Side{Phone: p.phone,
		Hold: func(context.Context, bool) (wallet.Tap, error) { return p.tap(t), nil }}
}

// side is the person with phone and card, who enters the PIN where the card asks for it.
func (p *person) side(t *testing.T) wallet.Side {
	return wallet.Side{Phone: p.phone,
		Hold: func(_ context.Context, withPIN bool) (wallet.Tap, error) {
			if withPIN {
				return p.tap(t), nil
			}
			return wallet.Tap{Card: p.reader()}, nil
		}}
}

// TestPaymentFromScreenToScreenTakesOnePIN: what passes is what a QR code holds, read as often as
// it happens to be, and the payee's card wants no PIN.
func TestPaymentFromScreenToScreenTakesOnePIN(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	w.receiveWithoutPIN(bertil)
	payee := wallet.Side{Phone: bertil.phone,
		Hold: func(_ context.Context, withPIN bool) (wallet.Tap, error) {
			require.False(t, withPIN, "the payee's PIN")
			return wallet.Tap{Card: bertil.reader()}, nil
		}}
	seen := func(by *person, e envelope.Envelope) envelope.Envelope {
		read, err := envelope.ParseText(e.Compact().Text())
		require.NoError(t, err)
		read, err = by.phone.Complete(read)
		require.NoError(t, err)
		return read
	}
	var asked, receipt envelope.Envelope
	require.NoError(t, payee.Receive(w.ctx, func(tap wallet.Tap) (err error) {
		asked, err = bertil.phone.Request(w.ctx, tap, 80*money.Krona, "")
		return err
	}))
	w.audit("asked")
	for range 2 {
		payment, err := anna.phone.Pay(w.ctx, anna.tap(t), seen(anna, asked))
		require.NoError(t, err)
		require.NoError(t, payee.Receive(w.ctx, func(tap wallet.Tap) (err error) {
			receipt, err = bertil.phone.Accept(w.ctx, tap, seen(bertil, payment))
			return err
		}))
		require.NoError(t, anna.phone.TakeAnswer(w.ctx, seen(anna, receipt)))
		w.audit("accepted")
	}
	open, err := anna.phone.Unfinished(w.ctx)
	require.NoError(t, err)
	assert.Empty(t, open, "the payer's phone has the Receipt")
	assert.Equal(t, 120*money.Krona, w.offline(anna))
	assert.Equal(t, 80*money.Krona, w.offline(bertil))
	w.sync(anna)
	w.agree()
}

func TestRefusedRequestIsNotPaid(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 80*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.phone.Pay(w.ctx, wallet.Tap{Card: anna.reader()}, asked)
	require.ErrorIs(t, err, wallet.ErrPINNeeded)
	refusal, err := bertil.phone.Refuse(w.ctx, bertil.tap(t), asked)
	require.NoError(t, err)
	again, err := bertil.phone.Refuse(w.ctx, wallet.Tap{}, asked)
	require.NoError(t, err, "the phone has it")
	assert.Equal(t, refusal, again)
	require.NoError(t, anna.phone.TakeAnswer(w.ctx, refusal))
	_, err = anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.ErrorIs(t, err, wallet.ErrRefused)
	assert.Equal(t, 200*money.Krona, w.offline(anna))
	w.agree()
}

// TestRequestIsGivenAgainAndNotTwice: what was only found on the card, once somebody has it, is not
// what the next REQUEST of its amount finds.
func TestRequestIsGivenAgainAndNotTwice(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	_, err := bertil.phone.Request(w.ctx,
		wallet.Tap{Card: losing(bertil, spec.RequestPayment), PIN: block(t, rightPIN)}, 100, "")
	require.True(t, client.IsLost(err), err)
	_, err = bertil.phone.Give(w.ctx, 1)
	require.ErrorIs(t, err, wallet.ErrNoTransfer)
	w.sync(bertil)
	given, err := bertil.phone.Give(w.ctx, 1)
	require.NoError(t, err)
	next, err := bertil.phone.Request(w.ctx, bertil.tap(t), 100, "")
	require.NoError(t, err)
	assert.NotEqual(t, given, next)
	payment, err := anna.phone.Pay(w.ctx, anna.tap(t), given)
	require.NoError(t, err)
	_, err = bertil.phone.Accept(w.ctx, bertil.tap(t), payment)
	require.NoError(t, err)
	_, err = bertil.phone.Give(w.ctx, 1)
	require.ErrorIs(t, err, wallet.ErrAnswered)
	w.agree()
}

// receiveWithoutPIN gives a card the policy by which it receives without its PIN.
func (w *world) receiveWithoutPIN(p *person) {
	w.t.Helper()
	policy := message.PilotPolicy()
	policy.Flags &^= spec.FlagPINToReceive
	_, err := p.bank.SetPolicy(w.ctx, banking.PolicyOrder{
		Key: "receive without PIN " + string(p.device.ID), By: "test", Policy: policy,
		Devices: []message.DeviceID{p.device.ID},
	})
	require.NoError(w.t, err)
	w.sync(p)
}

// TestTornRequestWithoutPINIsFoundWithIt: reading what a torn tap has left takes the PIN, and the
// phone asks for it only while it knows of such a tap.
func TestTornRequestWithoutPINIsFoundWithIt(t *testing.T) {
	w, _, bertil := annaAndBertil(t)
	w.receiveWithoutPIN(bertil)
	entered := 0
	payee := wallet.Side{Phone: bertil.phone,
		Hold: func(_ context.Context, withPIN bool) (wallet.Tap, error) {
			if withPIN {
				entered++
				return bertil.tap(t), nil
			}
			return wallet.Tap{Card: bertil.reader()}, nil
		}}
	request := func(amount money.Ore) (number uint32) {
		require.NoError(t, payee.Receive(w.ctx, func(tap wallet.Tap) error {
			asked, err := bertil.phone.Request(w.ctx, tap, amount, "")
			if err != nil {
				return err
			}
			r, err := message.Parse[message.Request](asked.Message)
			number = r.Number
			return err
		}))
		return number
	}
	tear := func(command *spec.Command, amount money.Ore) {
		_, err := bertil.phone.Request(w.ctx, wallet.Tap{Card: losing(bertil, command)}, amount, "")
		require.True(t, client.IsLost(err), err)
	}
	tear(spec.RequestPayment, 100)
	assert.EqualValues(t, 1, request(100), "the lost one")
	assert.Equal(t, 1, entered)
	assert.EqualValues(t, 2, request(100), "another")
	assert.Equal(t, 1, entered)
	tear(spec.RequestPayment, 200)
	tear(spec.RequestPayment, 300)
	assert.EqualValues(t, 5, request(400), "the oldest torn one makes room")
	assert.Equal(t, 2, entered)
	open, err := bertil.phone.Unfinished(w.ctx)
	require.NoError(t, err)
	assert.Len(t, open, spec.MaxOpenRequests)
	w.audit("full")
	w.agree()
}
