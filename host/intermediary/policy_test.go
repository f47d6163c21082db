package intermediary

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
)

// TestPolicyReachesTheCardsThatItNames: on both databases, which flows' tests do not use.
func TestPolicyReachesTheCardsThatItNames(t *testing.T) {
	o := newTestBank(t)
	o.addCard("SENORDICC0000001")
	o.addCard("SENORDICC0000002")
	policy := message.PilotPolicy()
	policy.MaxPayment = 100 * money.Krona
	one := banking.PolicyOrder{Key: "one", By: "eva", Policy: policy,
		Devices: []message.DeviceID{"SENORDICC0000001"}}
	for range 2 {
		version, err := o.SetPolicy(o.ctx, one)
		require.NoError(t, err)
		assert.EqualValues(t, 1, version)
	}
	for _, attacks := range []uint8{0, 2, 2} {
		d, err := device(o.ctx, o.db, "SENORDICC0000001")
		require.NoError(t, err)
		require.NoError(t, o.noteState(o.ctx, d,
			&message.State{Device: d.ID, PolicyVersion: 1, Attacks: attacks}))
	}
	cards, err := o.CardPolicies(o.ctx, "", 10)
	require.NoError(t, err)
	require.Len(t, cards, 2)
	assert.Equal(t, 100*money.Krona, cards[0].Policy.MaxPayment)
	assert.EqualValues(t, 1, cards[0].Seen)
	assert.EqualValues(t, 2, cards[0].Attacks)
	assert.Zero(t, cards[1].Attacks)
	assert.Equal(t, message.DefaultPolicy().MaxPayment, cards[1].Policy.MaxPayment)

	policy.MaxBalance = cards[0].Ceilings.MaxBalance + 1
	_, err = o.SetPolicy(o.ctx, banking.PolicyOrder{Key: "above", By: "eva", Policy: policy,
		Everyone: true})
	require.ErrorIs(t, err, banking.ErrPolicy)
	require.ErrorContains(t, err, "SENORDICC0000001 and 1 more")
}
