package flows

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/limit"
	"ekrona.example/host/order"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
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

// TestTornRequestsNeverBlockAWallet: the card keeps what four torn taps made, the next tap finds it
// without any network, and a Request of another amount takes the place of the oldest.
func TestTornRequestsNeverBlockAWallet(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	for n := range spec.MaxOpenRequests {
		_, err := anna.phone.Request(w.ctx,
			wallet.Tap{Card: losing(anna, spec.RequestPayment), PIN: block(t, rightPIN)},
			money.Ore(n+1)*money.Krona, "")
		require.Error(t, err)
	}
	unfinished := func() (amounts []money.Ore) {
		open, err := anna.phone.Unfinished(w.ctx)
		require.NoError(t, err)
		for _, e := range open {
			request, err := message.Parse[message.Request](e.Message)
			require.NoError(t, err)
			amounts = append(amounts, request.Amount)
		}
		return amounts
	}
	_, err := anna.phone.Request(w.ctx, anna.tap(t), 3*money.Krona, "")
	require.NoError(t, err, "the lost answer of the third tap")
	assert.Equal(t, []money.Ore{100, 200, 300, 400}, unfinished())
	for n := range 3 {
		_, err := anna.phone.Request(w.ctx, anna.tap(t), money.Ore(n+10)*money.Krona, "")
		require.NoError(t, err)
	}
	assert.Equal(t, []money.Ore{300, 1000, 1100, 1200}, unfinished())
	_, err = anna.phone.Request(w.ctx, anna.tap(t), 50*money.Krona, "")
	var reached *limit.Reached
	require.ErrorAs(t, err, &reached, "what was given to somebody stays open")
	assert.Equal(t, limit.OpenRequests, reached.Limit)
	assert.Equal(t, limit.Payee, reached.Whose)
	w.audit("full")
	w.agree()
}

func TestALimitSaysWhoseItIsAndHowMuchIsLeft(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.load(anna, 200*money.Krona)
	_, err := anna.phone.Request(w.ctx, anna.tap(t), 3900*money.Krona, "")
	require.EqualError(t, err, "the payee's card's limit of what it may hold has no room for the "+
		"amount (at most 4000.00 kr; 3800.00 kr left): ask for less, refuse a Request that nobody "+
		"will pay, or first unload or synchronise the card (the card answered 9403)")
	_, err = anna.phone.Request(w.ctx, anna.tap(t), 4001*money.Krona, "")
	require.ErrorContains(t, err, "the payee's card's limit for one payment (at most 4000.00 kr)")
	pos := w.addTerminal("SEFJORDB")
	sale, err := pos.Ask(w.ctx, 300*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.ErrorContains(t, err, "the payer's card's balance is lower than the amount: load")
	closed, err := pos.CloseUnpaid(w.ctx, sale.Number)
	require.NoError(t, err)
	assert.True(t, closed, "the card has refused")
	w.audit("refused")
}
