package flows

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// rollouts returns how far the policies of a bank have got, by card.
func (w *world) rollouts(b *bank) map[message.DeviceID]banking.CardPolicy {
	w.t.Helper()
	cards, err := b.CardPolicies(w.ctx, "", notary.MaxPage)
	require.NoError(w.t, err)
	all := map[message.DeviceID]banking.CardPolicy{}
	for _, c := range cards {
		all[c.Device] = c
	}
	return all
}

// TestPolicyRollsOut: orders for everyone, for a customer and for one card follow each other, each
// with a version above the one before; a card gets the latest that covers it, also one that is
// issued after the order, and at one bank only.
func TestPolicyRollsOut(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "C0000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SENORDIC", "C0000002", 500*money.Krona)
	cecilia := w.addPerson("cecilia", "SEFJORDB", "C0000001", 500*money.Krona)
	b := anna.bank
	order := func(key string, payment money.Ore, o banking.PolicyOrder) uint32 {
		o.Key, o.By, o.Policy = key, "eva", message.PilotPolicy()
		o.Policy.MaxPayment = payment
		version, err := b.SetPolicy(w.ctx, o)
		require.NoError(t, err)
		again, err := b.SetPolicy(w.ctx, o)
		require.NoError(t, err)
		require.Equal(t, version, again)
		o.By = "bo"
		_, err = b.SetPolicy(w.ctx, o)
		require.ErrorIs(t, err, banking.ErrTaken)
		return version
	}
	limits := func(p *person) message.Policy {
		holdings, err := p.phone.Holdings(w.ctx, p.tap(t))
		require.NoError(t, err)
		return holdings.Policy
	}
	require.EqualValues(t, 1, order("all", 400*money.Krona, banking.PolicyOrder{Everyone: true}))
	require.EqualValues(t, 2, order("anna", 300*money.Krona,
		banking.PolicyOrder{Customers: []string{"anna", "anna"}}))
	assert.Equal(t, banking.Outstanding, w.rollouts(b)[anna.device.ID].Rollout())
	w.sync(anna)
	w.sync(bertil)
	w.sync(cecilia)
	w.audit("rolled out")
	assert.EqualValues(t, 2, limits(anna).Version)
	assert.Equal(t, 300*money.Krona, limits(anna).MaxPayment)
	assert.EqualValues(t, 1, limits(bertil).Version)
	assert.Equal(t, 400*money.Krona, limits(bertil).MaxPayment)
	assert.EqualValues(t, 0, limits(cecilia).Version, "it is another bank's")
	for _, c := range w.rollouts(b) {
		assert.Equal(t, banking.RolledOut, c.Rollout(), c.Device)
	}

	require.EqualValues(t, 3, order("bertil's", 200*money.Krona,
		banking.PolicyOrder{Devices: []message.DeviceID{bertil.device.ID}}))
	renewed := w.replaceCard(anna)
	anna.lost = true
	w.sync(renewed)
	w.sync(bertil)
	w.audit("issued later")
	assert.EqualValues(t, 2, limits(renewed).Version, "the order for its owner")
	assert.EqualValues(t, 3, limits(bertil).Version)
	require.EqualValues(t, 4, order("all again", 100*money.Krona,
		banking.PolicyOrder{Everyone: true}))
	w.sync(renewed)
	w.sync(bertil)
	w.audit("the latest order counts")
	assert.Equal(t, 100*money.Krona, limits(renewed).MaxPayment)
	assert.Equal(t, 100*money.Krona, limits(bertil).MaxPayment)

	require.NoError(t, store.Exec(w.ctx, b.db, `UPDATE device SET policy_seen = 9 WHERE id = $1`,
		bertil.device.ID), "its order was lost with a restored backup")
	assert.Equal(t, banking.OrderLost, w.rollouts(b)[bertil.device.ID].Rollout())
	require.EqualValues(t, 10, order("after a backup", 50*money.Krona,
		banking.PolicyOrder{Everyone: true}), "above what any card has shown")
	w.sync(bertil)
	assert.Equal(t, 50*money.Krona, limits(bertil).MaxPayment)

	orders, err := b.PolicyOrders(w.ctx, 4, 2) // the newest first
	require.NoError(t, err)
	require.Len(t, orders, 2)
	assert.EqualValues(t, 3, orders[0].Policy.Version)
	assert.Equal(t, []string{"anna"}, orders[1].Customers)
	assert.Equal(t, w.clock.At, orders[0].At)
	assert.Equal(t, "eva", orders[0].By)
	orders, err = b.PolicyOrders(w.ctx, 0, 1)
	require.NoError(t, err)
	require.Len(t, orders, 1)
	assert.EqualValues(t, 10, orders[0].Policy.Version)
	w.agree()
}
