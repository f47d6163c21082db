package flows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/order"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

// TestNamedOrderIsCarriedOutOnce: torn at any command, on this phone or another one of the owner's,
// an order with a name is carried out once, however often it is repeated, and another amount under
// its name never is.
func TestNamedOrderIsCarriedOutOnce(t *testing.T) {
	type call func(w *world, p *person, tap wallet.Tap, amount money.Ore, name string) error
	load := func(w *world, p *person, tap wallet.Tap, amount money.Ore, name string) error {
		_, err := p.phone.LoadNamed(w.ctx, tap, amount, name)
		return err
	}
	unload := func(w *world, p *person, tap wallet.Tap, amount money.Ore, name string) error {
		_, err := p.phone.UnloadNamed(w.ctx, tap, amount, name)
		return err
	}
	for _, test := range []struct {
		kind  order.Kind
		call  call
		lost  *spec.Command // nil: nothing is
		moved money.Ore
	}{
		{order.Load, load, nil, 50 * money.Krona},
		{order.Load, load, spec.GetState, 50 * money.Krona},
		{order.Load, load, spec.Instruct, 50 * money.Krona},
		{order.Unload, unload, nil, -50 * money.Krona},
		{order.Unload, unload, spec.GetState, -50 * money.Krona},
		{order.Unload, unload, spec.Pay, -50 * money.Krona},
	} {
		for _, other := range []string{"the same phone", "another phone"} {
			name := test.kind.String() + ", nothing lost, " + other
			if test.lost != nil {
				name = test.kind.String() + ", " + test.lost.Name + " lost, " + other
			}
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
				w.load(anna, 200*money.Krona)
				if test.lost == nil {
					require.NoError(t, test.call(w, anna, anna.tap(t), 50*money.Krona, "rent"))
				} else {
					require.Error(t, test.call(w, anna, wallet.Tap{Card: losing(anna, test.lost),
						PIN: block(t, rightPIN)}, 50*money.Krona, "rent"))
				}
				w.audit("begun")
				if other == "another phone" {
					w.anotherPhone(anna, "next phone")
				}
				err := test.call(w, anna, anna.tap(t), 60*money.Krona, "rent")
				if other == "the same phone" || test.lost == nil {
					require.ErrorIs(t, err, wallet.ErrNameTaken)
				}
				for range 3 {
					err = test.call(w, anna, anna.tap(t), 50*money.Krona, "rent")
				}
				done := 200*money.Krona + test.moved
				if err != nil { // the other amount had come to the bank first
					require.ErrorIs(t, err, wallet.ErrNameTaken)
					done = 200*money.Krona + test.moved/5*6
				} else {
					did, err := anna.phone.Did(w.ctx, test.kind, 50*money.Krona, "rent")
					require.NoError(t, err)
					require.True(t, did)
				}
				w.audit("repeated")
				assert.Equal(t, done, w.offline(anna), "once")
				assert.Equal(t, 500*money.Krona-done, w.online(anna), "once")
				require.NoError(t, test.call(w, anna, anna.tap(t), 50*money.Krona, "rent 2"))
				require.NoError(t, test.call(w, anna, anna.tap(t), 50*money.Krona, ""))
				assert.Equal(t, done+2*test.moved, w.offline(anna), "other names are others")
				w.agree()
			})
		}
	}
}

// TestNamedOrderThatIsRefusedMayBeTriedAgain once there is money.
func TestNamedOrderThatIsRefusedMayBeTriedAgain(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 10*money.Krona)
	var refused *order.Refused
	for range 2 {
		_, err := anna.phone.LoadNamed(w.ctx, anna.tap(t), 50*money.Krona, "rent")
		require.ErrorAs(t, err, &refused)
	}
	require.NoError(t, anna.bank.Deposit(w.ctx, "more", "anna", 90*money.Krona))
	for range 2 {
		_, err := anna.phone.LoadNamed(w.ctx, anna.tap(t), 50*money.Krona, "rent")
		require.NoError(t, err)
	}
	assert.Equal(t, 50*money.Krona, w.offline(anna))
}

// TestNamedPaymentIsMadeOnce from card to card, torn at each of its taps.
func TestNamedPaymentIsMadeOnce(t *testing.T) {
	for _, torn := range []*spec.Command{nil, spec.RequestPayment, spec.Pay, spec.Accept} {
		name := "whole"
		if torn != nil {
			name = torn.Name
		}
		t.Run(name, func(t *testing.T) {
			w, anna, bertil := annaAndBertil(t)
			cecilia := w.addPerson("cecilia", "SENORDIC", "00000003", 0)
			pay := func(to *person, amount money.Ore, torn *spec.Command) (bool, error) {
				_, _, repeated, err := wallet.TransferNamed(w.ctx, anna.sideLosing(t, torn),
					to.sideLosing(t, torn), amount, "rent")
				return repeated, err
			}
			repeated, err := pay(bertil, 20*money.Krona, torn)
			if torn != nil {
				require.Error(t, err)
			}
			require.False(t, repeated)
			_, err = pay(bertil, 20*money.Krona, nil)
			require.NoError(t, err)
			_, receipt, _, err := wallet.TransferNamed(w.ctx, anna.withPIN(t),
				bertil.withPIN(t), 20*money.Krona, "rent")
			require.NoError(t, err)
			require.NoError(t, anna.phone.TakeAnswer(w.ctx, receipt))
			repeated, err = pay(bertil, 20*money.Krona, nil)
			require.NoError(t, err)
			require.True(t, repeated)
			_, err = pay(bertil, 21*money.Krona, nil)
			require.ErrorIs(t, err, wallet.ErrNameTaken)
			_, err = pay(cecilia, 20*money.Krona, nil)
			require.ErrorIs(t, err, wallet.ErrNameTaken)
			assert.Equal(t, 180*money.Krona, w.offline(anna), "once")
			assert.Equal(t, 20*money.Krona, w.offline(bertil), "once")
			w.agree()
		})
	}
}

// sideLosing is a person whose card leaves after a command.
func (p *person) sideLosing(t *testing.T, command *spec.Command) wallet.Side {
	tap := p.tap(t)
	if command != nil {
		tap.Card = losing(p, command)
	}
	return wallet.Side{Phone: p.phone, Hold: func(context.Context, bool) (wallet.Tap, error) {
		return tap, nil
	}}
}

// TestNamedRequestIsMadeOnce, and is handed over again after it was answered too.
func TestNamedRequestIsMadeOnce(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	found, _, err := bertil.phone.Asked(w.ctx, "rent", money.Krona, "")
	require.NoError(t, err)
	require.Nil(t, found)
	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), money.Krona, "")
	require.NoError(t, err)
	require.NoError(t, bertil.phone.KeepAsked(w.ctx, "rent", asked))
	for _, paid := range []bool{false, true} {
		found, answered, err := bertil.phone.Asked(w.ctx, "rent", money.Krona, "")
		require.NoError(t, err)
		assert.Equal(t, asked, *found)
		assert.Equal(t, paid, answered)
		_, _, err = bertil.phone.Asked(w.ctx, "rent", money.Krona, anna.device.ID)
		require.ErrorIs(t, err, wallet.ErrNameTaken)
		payment, err := anna.phone.Pay(w.ctx, anna.tap(t), asked)
		require.NoError(t, err)
		_, err = bertil.phone.Accept(w.ctx, bertil.tap(t), payment)
		require.NoError(t, err)
	}
}

// TestNamedSaleIsMadeOnce: it is found by its name while it is open, when it is paid, and when the
// journal has forgotten its record; a refused one may be made again.
func TestNamedSaleIsMadeOnce(t *testing.T) {
	w, anna, pos := annaAndMerchant(t)
	known := func(amount money.Ore) *terminal.NamedSale {
		s, err := pos.Named(w.ctx, "table 4", amount)
		require.NoError(t, err)
		return s
	}
	require.Nil(t, known(money.Krona))
	refused, err := pos.AskNamed(w.ctx, money.Krona, "table 4", anna.reader())
	require.NoError(t, err)
	require.Equal(t, refused.Number, known(money.Krona).Number)
	_, err = pos.AskNamed(w.ctx, money.Krona, "table 4", anna.reader())
	require.ErrorIs(t, err, terminal.ErrNameTaken)
	_, err = pos.Refuse(w.ctx, refused.Number)
	require.NoError(t, err)
	require.Nil(t, known(money.Krona))

	sale, err := pos.AskNamed(w.ctx, 45*money.Krona, "table 4", anna.reader())
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, sale.Number, losing(anna, spec.Pay), block(t, rightPIN))
	require.Error(t, err)
	w.restartTerminal()
	require.False(t, known(45*money.Krona).Paid)
	_, err = pos.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err)
	paid := terminal.NamedSale{Number: sale.Number, Amount: 45 * money.Krona, Paid: true,
		Payer: anna.device.ID, ATC: 1}
	require.Equal(t, paid, *known(45 * money.Krona))
	w.agree()
	require.Equal(t, paid, *known(45 * money.Krona), "when its record is acknowledged")
	_, err = pos.Named(w.ctx, "table 4", 46*money.Krona)
	require.ErrorIs(t, err, terminal.ErrNameTaken)
	assert.Equal(t, 155*money.Krona, w.offline(anna), "once")
}

// TestNamedSaleThatARestoredJournalMayHaveLostIsNotMadeAgain: it was open in the copy, and paid
// since.
func TestNamedSaleThatARestoredJournalMayHaveLostIsNotMadeAgain(t *testing.T) {
	w, _, pos := annaAndMerchant(t)
	_, err := pos.AskNamed(w.ctx, money.Krona, "table 4", nil)
	require.NoError(t, err)
	_, err = w.terminal.config.DB.ExecContext(w.ctx, "DELETE FROM request") // as a restore does
	require.NoError(t, err)
	_, err = pos.Named(w.ctx, "table 4", money.Krona)
	require.ErrorIs(t, err, terminal.ErrNameLost)
	_, err = pos.AskNamed(w.ctx, money.Krona, "table 4", nil)
	require.ErrorIs(t, err, terminal.ErrNameLost)
}
