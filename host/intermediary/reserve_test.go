package intermediary

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/host/banking"
	"ekrona/personalization/pki/keys"
)

func TestDeviceIDsAreGivenOnce(t *testing.T) {
	o := newOffice(t)
	of := func(kind banking.DeviceKind, intent string) banking.Reservation {
		return banking.Reservation{Kind: kind, Intent: intent, Owner: "anna", Second: kind == banking.KindCard}
	}
	reserve := func(kind banking.DeviceKind, intent string) message.DeviceID {
		id, err := o.ReserveDevice(o.ctx, of(kind, intent))
		require.NoError(t, err)
		return id
	}
	first := reserve(banking.KindCard, "job 1, line 1")
	assert.Equal(t, message.DeviceID("SENORDICC0000001"), first)
	assert.Equal(t, first, reserve(banking.KindCard, "job 1, line 1"), "the same intent, the same id")
	assert.Equal(t, message.DeviceID("SENORDICC0000002"), reserve(banking.KindCard, "job 1, line 2"))
	assert.Equal(t, message.DeviceID("SENORDICT0000001"), reserve(banking.KindTerminal, "till"))
	_, err := o.ReserveDevice(o.ctx, of(banking.KindTerminal, "job 1, line 1"))
	assert.ErrorIs(t, err, banking.ErrTaken)
	_, err = o.ReserveDevice(o.ctx, of(banking.KindCard, ""))
	assert.Error(t, err)

	o.addCard("SENORDICC0000003")
	assert.Equal(t, message.DeviceID("SENORDICC0000004"), reserve(banking.KindCard, "job 1, line 3"), "not one that is in use")
}

func TestCardsOfACustomer(t *testing.T) {
	o := newOffice(t)
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

// addCard makes a card of anna's known.
func (o *office) addCard(id message.DeviceID) {
	o.t.Helper()
	key, err := keys.Generate(o.random)
	require.NoError(o.t, err)
	certificate, err := o.ca.Certify(subject(cvc.Holder(id), spec.RoleCard), &key.PublicKey)
	require.NoError(o.t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(o.t, err)
	require.NoError(o.t, o.AddDevice(o.ctx, banking.Device{
		ID: id, Customer: "anna", Certificate: certificate, PINPoint: point,
		Ceilings: []byte(spec.PilotPolicy), Policy: message.PilotPolicy(),
	}))
}
