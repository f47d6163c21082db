package flows

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/thorough"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/terminal"
)

// aSale returns a world in which anna, with 155 kr left on her card and 300 kr online,
// has paid 45 kr to a merchant that has not synchronised.
func aSale(t *testing.T, merchantAt message.Name) (w *world, anna *person, paid order.Payment) {
	t.Helper()
	w = newWorld(t)
	anna = w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.addTerminal(merchantAt)
	w.load(anna, 200*money.Krona)
	sale, err := w.terminal.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	_, err = w.terminal.Paid(w.ctx, sale.Number)
	require.ErrorIs(t, err, terminal.ErrNoSale, "nobody has paid")
	_, err = w.terminal.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err)
	payment, err := w.terminal.Paid(w.ctx, sale.Number)
	require.NoError(t, err)
	return w, anna, order.Payment{Payer: payment.Payer, ATC: payment.ATC}
}

func (w *world) syncTerminal() {
	w.t.Helper()
	_, err := w.terminal.Synchronise(w.ctx)
	require.NoError(w.t, err)
}

// refund returns an order by the merchant's owner.
func (w *world) refund(of order.Payment, amount money.Ore) order.Signed {
	w.t.Helper()
	o, err := order.NewRefund(w.terminal.ID(), of, amount, w.random("refund"),
		w.terminal.app.Signer)
	require.NoError(w.t, err)
	return o
}

// refused requires that the notary refused the order, twice for this reason.
func (w *world) refused(o order.Signed, why notary.Kind) {
	w.t.Helper()
	for range 2 {
		err := w.refunds(w.terminal.bank).PlaceRefund(w.ctx, o)
		var refused *order.Refused
		require.ErrorAs(w.t, err, &refused)
		require.ErrorIs(w.t, err, why)
	}
}

func TestTerminalRefundsToThePayersOnlineWalletOnceForEachOrder(t *testing.T) {
	for _, merchantAt := range []message.Name{"SEFJORDB", "SENORDIC"} {
		t.Run("merchant at "+string(merchantAt), func(t *testing.T) {
			w, anna, paid := aSale(t, merchantAt)
			merchant := w.terminal.bank
			var refused *order.Refused
			require.ErrorAs(t, merchant.PlaceRefund(w.ctx, w.refund(paid, 45*money.Krona)),
				&refused)
			require.ErrorContains(t, refused, "synchronise the terminal",
				"its money has not arrived")
			w.syncTerminal()
			w.audit("sold")
			require.Equal(t, 45*money.Krona, w.taken())

			part := w.refund(paid, 30*money.Krona)
			for range 2 {
				require.NoError(t, merchant.PlaceRefund(w.ctx, part))
				w.audit("refunded")
				assert.Equal(t, 15*money.Krona, w.taken())
				assert.Equal(t, 330*money.Krona, w.online(anna))
			}
			require.NoError(t, merchant.PlaceRefund(w.ctx, w.refund(paid, 15*money.Krona)))
			w.audit("the rest")
			assert.Zero(t, w.taken())
			assert.Equal(t, 345*money.Krona, w.online(anna))
			w.agree()
			assert.Equal(t, 155*money.Krona, w.offline(anna))
		})
	}
}

func TestRefundThatIsRefusedLeavesTheMoneyWithTheMerchant(t *testing.T) {
	w, anna, paid := aSale(t, "SEFJORDB")
	w.syncTerminal()
	require.NoError(t, w.terminal.bank.Deposit(w.ctx, "cash", w.terminal.owner, 100*money.Krona))
	sale, err := w.terminal.Ask(w.ctx, 5*money.Krona)
	require.NoError(t, err)
	_, err = w.terminal.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err)
	unsettled := w.refund(order.Payment{Payer: paid.Payer, ATC: paid.ATC + 1}, 5*money.Krona)
	w.refused(unsettled, notary.Unsettled)
	w.refused(w.refund(paid, 46*money.Krona), notary.Exceeds)
	w.audit("refused")
	assert.Equal(t, 145*money.Krona, w.taken())
	w.syncTerminal()
	w.refused(unsettled, notary.Unsettled)
	w.audit("an order has one answer for ever")
	require.NoError(t, w.refunds(w.terminal.bank).PlaceRefund(w.ctx,
		w.refund(unsettled.Of, 5*money.Krona)))

	stolen, err := order.NewRefund(w.terminal.ID(), paid, 1, w.random("refund"), anna.app.Signer)
	require.NoError(t, err)
	require.ErrorIs(t, w.refunds(w.terminal.bank).PlaceRefund(w.ctx, stolen), order.ErrSignature)
	once := w.refund(paid, money.Krona)
	require.NoError(t, w.refunds(w.terminal.bank).PlaceRefund(w.ctx, once))
	other := w.refund(paid, 2*money.Krona)
	other.ID = once.ID
	other, err = order.Sign(other.Order, w.terminal.app.Signer)
	require.NoError(t, err)
	require.ErrorIs(t, w.refunds(w.terminal.bank).PlaceRefund(w.ctx, other), banking.ErrTaken)
	fromCard, err := order.NewRefund(anna.device.ID, paid, money.Krona, w.random("refund"),
		anna.app.Signer)
	require.NoError(t, err)
	require.ErrorIs(t, anna.bank.PlaceRefund(w.ctx, fromCard), notary.NotTerminal)
	w.agree()
	assert.Equal(t, 144*money.Krona, w.taken())
	assert.Equal(t, 306*money.Krona, w.online(anna))
}

// TestRefundSurvivesEveryCut kills the merchant's intermediary, then the central bank,
// at each step of a refund; loses each call to the notary, or its answer. The
// order is then sent again, or only finished by the next start.
func TestRefundSurvivesEveryCut(t *testing.T) {
	run := func(t *testing.T, party string, kill, lose int, arrives,
		again bool) (steps []faultdriver.Kind, calls int) {
		w, anna, paid := aSale(t, "SEFJORDB")
		w.syncTerminal()
		o := w.refund(paid, 30*money.Krona)
		link := &outage{arrives: arrives}
		w.startBank("SEFJORDB", &failing{w.bank.For("SEFJORDB"), link})
		link.calls, link.lose = 0, lose
		w.power[party].Follow(faultdriver.Nth(kill, faultdriver.ErrPowerLost))
		err := w.refunds(w.terminal.bank).PlaceRefund(w.ctx, o)
		steps, calls = w.power[party].Steps(), link.calls
		w.power[party].Follow(nil)
		w.power[party].Restore()
		link.lose = 0
		if kill+lose > 0 {
			require.True(t, errors.Is(err, faultdriver.ErrPowerLost) || errors.Is(err, errLink),
				"%v", err)
			w.audit("cut")
			w.restart()
			w.audit("started again")
		}
		if again || kill+lose == 0 {
			require.NoError(t, w.refunds(w.terminal.bank).PlaceRefund(w.ctx, o))
		}
		w.agree()
		kept := w.taken() == 45*money.Krona // cut before the order was kept
		require.False(t, kept && again)
		if !kept {
			assert.Equal(t, 15*money.Krona, w.taken())
			assert.Equal(t, 330*money.Krona, w.online(anna))
		}
		return steps, calls
	}
	for _, party := range []string{"SEFJORDB", "central bank"} {
		steps, _ := run(t, party, 0, 0, false, false)
		for n, step := range steps {
			if !changes(party, step) || !thorough.Tries(n, 4) {
				continue
			}
			t.Run(fmt.Sprintf("%s, step %d, %s", party, n+1, step), func(t *testing.T) {
				t.Parallel()
				run(t, party, n+1, 0, false, n%2 == 0)
			})
		}
	}
	_, calls := run(t, "SEFJORDB", 0, 0, false, false)
	for n := range calls {
		for _, arrives := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, arrives %v", n+1, arrives), func(t *testing.T) {
				t.Parallel()
				run(t, "SEFJORDB", 0, n+1, arrives, n%2 == 0)
			})
		}
	}
}
