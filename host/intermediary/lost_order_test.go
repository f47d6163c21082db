package intermediary

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
)

// TestLoadOfALostBackupIsPaidOnce: the customer pays for a load whose order was lost with a
// restored backup, once, whether it comes again or not. The outcome of the credit is known from
// the statement and from the number of the device's next Instruction.
func TestLoadOfALostBackupIsPaidOnce(t *testing.T) {
	const card = message.DeviceID("SENORDIC00000001")
	for _, c := range []struct {
		name     string
		returned bool
		next     uint32 // Instruction of the device
		anna     money.Ore
		progress order.Progress
	}{
		{"on its way", false, 4, 60, order.Progress{State: "reserved"}},
		{"taken", false, 5, 60, order.Progress{State: "taken", Final: true, Done: true}},
		{"given back", true, 5, 100, order.Progress{State: "returned", Final: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newTestBank(t)
			o.addCard(card)
			o.notary.next = c.next
			again, err := order.New(order.Load, card, 40, o.random, o.app)
			require.NoError(t, err)
			o.notary.addEntry(notary.Entry{Kind: notary.Issued, Online: 1000})
			require.NoError(t, o.PullStatement(o.ctx))
			require.NoError(t, o.Deposit(o.ctx, "one", "anna", 100))
			o.notary.addEntry(notary.Entry{Kind: notary.Loaded, Device: card, Owner: "anna",
				Online: -40, Shadow: 40, Order: notary.OrderKey(again.Key()), Instr: 4})
			if c.returned {
				o.notary.addEntry(notary.Entry{Kind: notary.Released, Device: card, Owner: "anna",
					Online: 40, Shadow: -40, Order: notary.OrderKey(again.Key()), Instr: 4})
			}
			require.NoError(t, o.PullStatement(o.ctx))
			require.Equal(t, money.Ore(900), o.balance(ownFunds))
			require.Equal(t, c.anna, o.balance(wallet("anna")), "whether the order comes or not")
			for range 2 {
				require.NoError(t, o.PlaceLoad(o.ctx, again))
				assert.Equal(t, money.Ore(900), o.balance(ownFunds), "nothing is paid twice")
				assert.Equal(t, c.anna, o.balance(wallet("anna")))
				assert.Zero(t, o.balance(transit))
				require.NoError(t, o.Verify(o.ctx))
				progress, err := o.LoadProgress(o.ctx, again)
				require.NoError(t, err)
				assert.Equal(t, c.progress.State, progress.State)
				assert.Equal(t, [2]bool{c.progress.Final, c.progress.Done},
					[2]bool{progress.Final, progress.Done})
			}
		})
	}
}

// TestLostOrderIsNotAnother: the same key with another amount, and an online wallet that no longer
// covers it.
func TestLostOrderIsNotAnother(t *testing.T) {
	const card = message.DeviceID("SENORDIC00000001")
	o := newTestBank(t)
	o.addCard(card)
	o.notary.addEntry(notary.Entry{Kind: notary.Issued, Online: 1000})
	forgotten, err := order.New(order.Load, card, 40, o.random, o.app)
	require.NoError(t, err)
	o.notary.addEntry(notary.Entry{Kind: notary.Loaded, Device: card, Owner: "anna", Online: -41,
		Shadow: 41, Order: notary.OrderKey(forgotten.Key()), Instr: 4})
	require.ErrorIs(t, o.PlaceLoad(o.ctx, forgotten), banking.ErrTaken)
	other, err := order.New(order.Load, card, 40, o.random, o.app)
	require.NoError(t, err)
	o.notary.addEntry(notary.Entry{Kind: notary.Loaded, Device: card, Owner: "anna", Online: -40,
		Shadow: 40, Order: notary.OrderKey(other.Key()), Instr: 5})
	var refused *order.Refused
	for range 2 {
		require.ErrorAs(t, o.PlaceLoad(o.ctx, other), &refused,
			"the online wallet does not cover it")
		assert.Equal(t, money.Ore(1000-81), o.balance(ownFunds))
	}
	require.NoError(t, o.Deposit(o.ctx, "one", "anna", 50))
	assert.Equal(t, money.Ore(9), o.balance(wallet("anna")), "the older one is repaid")
	assert.Equal(t, money.Ore(1000-50-40), o.balance(ownFunds))
	require.ErrorAs(t, o.PlaceLoad(o.ctx, other), &refused)
	require.NoError(t, o.Deposit(o.ctx, "two", "anna", 41))
	require.NoError(t, o.PlaceLoad(o.ctx, other), "it is not forgotten again")
	assert.Equal(t, money.Ore(10), o.balance(wallet("anna")))
	assert.Equal(t, money.Ore(1000-91), o.balance(ownFunds))
	require.NoError(t, o.Verify(o.ctx))
}
