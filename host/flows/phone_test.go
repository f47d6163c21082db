package flows

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/signature"
	"ekrona/apdu/spec"
	"ekrona/applet/client"
	"ekrona/host/banking"
	"ekrona/host/envelope"
	"ekrona/host/order"
	"ekrona/host/wallet"
	"ekrona/personalization/pki"
	"ekrona/personalization/pki/keys"
)

// nextPhone gives the person another phone, with a new key and a copy of the former phone's data;
// the key is not registered yet.
func (w *world) nextPhone(p *person) (former pki.Identity, register func() error) {
	w.t.Helper()
	key, err := keys.Generate(w.random("next phone"))
	require.NoError(w.t, err)
	former, p.app = p.app, pki.Identity{Signer: key}
	w.startPhone(p)
	return former, func() error { return p.bank.ReplaceApp(w.ctx, p.name, &key.PublicKey) }
}

func TestNextPhoneGoesOnWithWhatTheFormerOneBegan(t *testing.T) {
	for _, kind := range []order.Kind{order.Load, order.Unload} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
			w.load(anna, 200*money.Krona)
			torn, offline := spec.GetState, 250*money.Krona
			call := func(tap wallet.Tap) error {
				_, err := anna.phone.Load(w.ctx, tap, 50*money.Krona)
				return err
			}
			if kind == order.Unload {
				torn, offline = spec.Pay, 150*money.Krona
				call = func(tap wallet.Tap) error {
					_, err := anna.phone.Unload(w.ctx, tap, 50*money.Krona)
					return err
				}
			}
			require.Error(t, call(wallet.Tap{Card: losing(anna, torn), PIN: block(t, rightPIN)}))

			_, register := w.nextPhone(anna)
			err := call(anna.tap(t))
			require.ErrorIs(t, err, order.ErrSignature)
			var refused *order.Refused
			require.False(t, errors.As(err, &refused), "the order stands")
			w.audit("not registered yet")

			require.NoError(t, register())
			require.NoError(t, register(), "the same key again")
			require.NoError(t, call(anna.tap(t)))
			w.audit("registered")
			assert.Equal(t, offline, w.offline(anna))
			assert.Equal(t, 500*money.Krona-offline, w.online(anna), "once")
			w.agree()
		})
	}
}

func TestFormerPhoneOrdersNothingMore(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	former, register := w.nextPhone(anna)
	placed, err := order.New(order.Load, anna.device.ID, 10*money.Krona, w.random("order"),
		former.Signer)
	require.NoError(t, err)
	require.NoError(t, anna.bank.PlaceLoad(w.ctx, placed), "until the next one is registered")
	require.NoError(t, register())

	require.ErrorIs(t, anna.bank.PlaceLoad(w.ctx, placed), order.ErrSignature, "not even again")
	stolen, err := order.New(order.Unload, anna.device.ID, 10*money.Krona, w.random("order"),
		former.Signer)
	require.NoError(t, err)
	_, err = anna.bank.RequestUnload(w.ctx, stolen)
	require.ErrorIs(t, err, order.ErrSignature)
	key, err := signature.PublicKey(former.Signer)
	require.NoError(t, err)
	require.ErrorIs(t, anna.bank.ReplaceApp(w.ctx, anna.name, key), banking.ErrTaken,
		"and it does not come back")

	w.sync(anna)
	assert.Equal(t, 10*money.Krona, w.offline(anna), "what it had ordered stands")
	w.agree()
}

// TestNextPhoneFindsTheRequestsOfTheFormerOne: each holds a place on the card until it
// is paid or refused, whichever phone made it.
func TestNextPhoneFindsTheRequestsOfTheFormerOne(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	var asked []envelope.Envelope
	for n := range spec.MaxOpenRequests {
		one, err := bertil.phone.Request(w.ctx, bertil.tap(t), money.Ore(100+n), "")
		require.NoError(t, err)
		asked = append(asked, one)
	}
	accepted, err := anna.phone.Pay(w.ctx, anna.tap(t), asked[3])
	require.NoError(t, err)
	bertil.journal = w.open("bertil's next", walletSchema(t))
	w.startPhone(bertil)
	unfinished := func() []envelope.Envelope {
		found, err := bertil.phone.Unfinished(w.ctx)
		require.NoError(t, err)
		return found
	}
	require.Empty(t, unfinished())
	w.sync(bertil)
	w.sync(bertil)
	assert.Equal(t, asked, unfinished())

	again, err := bertil.phone.Request(w.ctx, bertil.tap(t), 100, "")
	require.NoError(t, err)
	assert.Equal(t, asked[0], again, "nobody was given it by this phone")
	_, err = bertil.phone.Request(w.ctx, bertil.tap(t), 100, "")
	require.True(t, client.Is(err, spec.SWOpenRequests), err)

	for _, one := range asked[:3] {
		_, err := bertil.phone.Refuse(w.ctx, bertil.tap(t), one)
		require.NoError(t, err)
	}
	_, err = bertil.phone.Accept(w.ctx, bertil.tap(t), accepted)
	require.NoError(t, err)
	assert.Empty(t, unfinished())
	w.sync(bertil)
	_, err = bertil.phone.Request(w.ctx, bertil.tap(t), 100, "")
	require.NoError(t, err)
	w.agree()
}

// TestAnswerThatTheCardGaveElsewhereEndsTheTransfer: an answer that a session, or another phone,
// made the card give is in its records.
func TestAnswerThatTheCardGaveElsewhereEndsTheTransfer(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	paid, err := bertil.phone.Request(w.ctx, bertil.tap(t), 100, "")
	require.NoError(t, err)
	unpaid, err := bertil.phone.Request(w.ctx, bertil.tap(t), 200, "")
	require.NoError(t, err)
	_, err = anna.phone.Pay(w.ctx, anna.tap(t), paid)
	require.NoError(t, err)
	w.sync(anna)
	own := bertil.journal
	bertil.journal = w.open("bertil's other", walletSchema(t))
	w.startPhone(bertil)
	_, err = bertil.phone.Refuse(w.ctx, bertil.tap(t), unpaid)
	require.NoError(t, err)
	bertil.journal = own
	w.startPhone(bertil)
	w.sync(bertil)
	open, err := bertil.phone.Unfinished(w.ctx)
	require.NoError(t, err)
	assert.Empty(t, open, "one was accepted, one refused")
	_, err = wallet.ContinueTransfer(w.ctx, anna.side(t), bertil.side(t), unpaid)
	require.ErrorIs(t, err, wallet.ErrRefused)
	w.agree()
}

// TestPaymentFromScreenToScreenTakesOnePIN: what passes is what a QR code holds, read as often as
// it happens to be, and the payee's card wants no PIN.
func TestPaymentFromScreenToScreenTakesOnePIN(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	policy := message.PilotPolicy()
	policy.Flags &^= spec.FlagPINToReceive
	require.NoError(t, bertil.bank.SetPolicy(w.ctx, bertil.device.ID, policy))
	w.sync(bertil)
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
