package intermediary

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/remote"
	"ekrona.example/personalization/pki/keys"
)

func TestDeviceIDsAreGivenOnce(t *testing.T) {
	o := newTestBank(t)
	of := func(kind banking.DeviceKind, intent string) banking.Reservation {
		return banking.Reservation{Kind: kind, Intent: intent, Owner: "anna",
			Second: kind == banking.KindCard}
	}
	reserve := func(kind banking.DeviceKind, intent string) message.DeviceID {
		id, err := o.ReserveDevice(o.ctx, of(kind, intent))
		require.NoError(t, err)
		return id
	}
	first := reserve(banking.KindCard, "job 1, line 1")
	assert.Equal(t, message.DeviceID("SENORDICC0000001"), first)
	assert.Equal(t, first, reserve(banking.KindCard, "job 1, line 1"),
		"the same intent, the same id")
	assert.Equal(t, message.DeviceID("SENORDICC0000002"),
		reserve(banking.KindCard, "job 1, line 2"))
	assert.Equal(t, message.DeviceID("SENORDICT0000001"), reserve(banking.KindTerminal, "terminal"))
	_, err := o.ReserveDevice(o.ctx, of(banking.KindTerminal, "job 1, line 1"))
	assert.ErrorIs(t, err, banking.ErrTaken)
	_, err = o.ReserveDevice(o.ctx, of(banking.KindCard, ""))
	assert.Error(t, err)

	o.addCard("SENORDICC0000003")
	assert.Equal(t, message.DeviceID("SENORDICC0000004"),
		reserve(banking.KindCard, "job 1, line 3"), "not one that is in use")

	_, err = o.db.ExecContext(o.ctx, `INSERT INTO device_number (intent, kind, number)
		VALUES ('long ago', 'C', 9999999)`)
	require.NoError(t, err)
	assert.Equal(t, message.DeviceID("SENORDICCA000000"),
		reserve(banking.KindCard, "job 1, line 4"), "ten million are not all")
}

// A customer with a card in use gets another one when the reservation says that it is a second card
// or a replacement; an intent that has an id keeps it, whatever cards there are by then.
func TestASecondCardIsSaidToBeOne(t *testing.T) {
	o := newTestBank(t)
	reserve := func(change func(*banking.Reservation)) (message.DeviceID, error) {
		r := banking.Reservation{Kind: banking.KindCard, Intent: "first", Owner: "anna"}
		change(&r)
		return o.ReserveDevice(o.ctx, r)
	}
	first, err := reserve(func(*banking.Reservation) {})
	require.NoError(t, err)
	o.addCard(first)
	again, err := reserve(func(*banking.Reservation) {})
	require.NoError(t, err)
	assert.Equal(t, first, again, "the same intent")

	for name, row := range map[string]struct {
		change func(*banking.Reservation)
		want   error
	}{
		"neither":  {func(r *banking.Reservation) { r.Intent = "2" }, banking.ErrHasCard},
		"second":   {func(r *banking.Reservation) { r.Intent, r.Second = "3", true }, nil},
		"replaces": {func(r *banking.Reservation) { r.Intent, r.Replaces = "4", first }, nil},
		"unknown": {func(r *banking.Reservation) {
			r.Intent, r.Replaces = "5",
				"SENORDICC0000077"
		}, banking.ErrNoDevice},
		"no owner": {func(r *banking.Reservation) { r.Intent, r.Owner = "6", "" },
			banking.ErrMalformed},
		"nobody": {func(r *banking.Reservation) { r.Intent, r.Owner = "7", "dora" },
			banking.ErrNoCustomer},
		"another owner":  {func(r *banking.Reservation) { r.Owner = "dora" }, banking.ErrTaken},
		"another former": {func(r *banking.Reservation) { r.Replaces = first }, banking.ErrTaken},
		"terminal": {func(r *banking.Reservation) {
			r.Intent, r.Kind, r.Second = "8", banking.KindTerminal, true
		}, banking.ErrMalformed},
	} {
		_, err := reserve(row.change)
		assert.ErrorIs(t, err, row.want, name)
	}
	_, err = reserve(func(r *banking.Reservation) { r.Intent = "2" })
	assert.ErrorContains(t, err, "anna has an active card, "+string(first))

	o.notary.status = notary.Reported
	_, err = reserve(func(r *banking.Reservation) { r.Intent = "9" })
	require.NoError(t, err, "the card is reported lost")
	o.notary.status, o.notary.away = notary.Active, true
	_, err = reserve(func(r *banking.Reservation) { r.Intent = "10" })
	require.NoError(t, err, "it was, when the notary was heard last")
	o.notary.away = false
	_, err = reserve(func(r *banking.Reservation) { r.Intent = "11" })
	require.ErrorIs(t, err, banking.ErrHasCard)
}

// Of two cards that were reserved while their owner had none, or to replace the same one, only one
// is registered, unless the other is said to be a second one afterwards.
func TestOneOfTwoReservationsIsRegistered(t *testing.T) {
	for name, replaced := range map[string]bool{"none before": false, "the same replaced": true} {
		t.Run(name, func(t *testing.T) {
			o := newTestBank(t)
			o.notary.registered = map[message.DeviceID]bool{}
			r := banking.Reservation{Kind: banking.KindCard, Owner: "anna"}
			if replaced {
				r.Replaces = "SENORDICC0000009"
				o.addCard(r.Replaces)
			}
			reserve := func(intent string, second bool) message.DeviceID {
				r.Intent, r.Second = intent, second
				id, err := o.ReserveDevice(o.ctx, r)
				require.NoError(t, err)
				return id
			}
			first, second := reserve("one desk", false), reserve("another desk", false)
			require.NotEqual(t, first, second)
			made, late := o.card(first), o.card(second)
			require.NoError(t, o.AddDevice(o.ctx, made))
			require.NoError(t, o.AddDevice(o.ctx, made), "the same again")
			require.ErrorIs(t, o.AddDevice(o.ctx, late), banking.ErrSecondCard)
			_, err := o.Device(o.ctx, second)
			require.ErrorIs(t, err, banking.ErrNoDevice)
			assert.Equal(t, second, reserve("another desk", true))
			require.NoError(t, o.AddDevice(o.ctx, late), "it is a second one")
			o.notary.away = true
			require.ErrorIs(t, o.AddDevice(o.ctx, made), remote.ErrUnreachable)
			o.notary.away = false
			require.NoError(t, o.AddDevice(o.ctx, made), "the same again")
		})
	}
}

// A replacement comes too late when its owner has reported the former card lost and got the only
// one; a second card that the owner had before is no reason.
func TestAReplacementThatComesLate(t *testing.T) {
	o := newTestBank(t)
	o.notary.registered = map[message.DeviceID]bool{}
	o.addCard("SENORDICC0000008")
	o.addCard("SENORDICC0000009")
	reserve := func(intent string, replaces message.DeviceID) message.DeviceID {
		id, err := o.ReserveDevice(o.ctx, banking.Reservation{Kind: banking.KindCard,
			Owner: "anna", Intent: intent, Replaces: replaces})
		require.NoError(t, err)
		return id
	}
	late := reserve("a replacement", "SENORDICC0000009")
	o.notary.status = notary.Reported
	only := reserve("the only one", "")
	o.addCard(only)
	o.notary.status = notary.Active
	require.ErrorIs(t, o.AddDevice(o.ctx, o.card(late)), banking.ErrSecondCard)
	o.addCard(reserve("another replacement", "SENORDICC0000008"))
}

// A card whose owner has meanwhile reported the other one lost is registered.
func TestAReservedCardComesAfterALostOne(t *testing.T) {
	o := newTestBank(t)
	o.notary.registered = map[message.DeviceID]bool{}
	r := banking.Reservation{Kind: banking.KindCard, Owner: "anna"}
	var ids [2]message.DeviceID
	for n, intent := range []string{"one", "another"} {
		r.Intent = intent
		id, err := o.ReserveDevice(o.ctx, r)
		require.NoError(t, err)
		ids[n] = id
	}
	o.addCard(ids[0])
	o.notary.status = notary.Reported
	require.NoError(t, o.AddDevice(o.ctx, o.card(ids[1])))
}

func TestCardsOfACustomer(t *testing.T) {
	o := newTestBank(t)
	none, err := o.Cards(o.ctx, "anna")
	require.NoError(t, err)
	assert.Empty(t, none)
	o.addCard("SENORDICC0000002")
	o.addCard("SENORDICC0000001")
	cards, err := o.Cards(o.ctx, "anna")
	require.NoError(t, err)
	require.Len(t, cards, 2)
	assert.Equal(t, message.DeviceID("SENORDICC0000001"), cards[0].Device.ID)
	assert.Equal(t, "anna", cards[1].Device.Customer)
	_, err = o.Cards(o.ctx, "dora")
	assert.ErrorIs(t, err, banking.ErrNoCustomer)
}

// addCard adds a card of anna's.
func (o *testBank) addCard(id message.DeviceID) {
	o.t.Helper()
	require.NoError(o.t, o.AddDevice(o.ctx, o.card(id)))
}

// card makes a card of anna's.
func (o *testBank) card(id message.DeviceID) banking.Device {
	o.t.Helper()
	key, err := keys.Generate(o.random)
	require.NoError(o.t, err)
	certificate, err := o.ca.Certify(subject(cvc.Holder(id), spec.RoleCard), &key.PublicKey)
	require.NoError(o.t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(o.t, err)
	return banking.Device{
		ID: id, Customer: "anna", Certificate: certificate, PINPoint: point,
		Ceilings: []byte(spec.DefaultCeilings), Slots: spec.DefaultSlots,
		Policy: message.DefaultPolicy(),
	}
}
