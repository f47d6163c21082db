package terminal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/limit"
	"ekrona.example/host/store"
)

// tear has the payer's card held to the terminal for a sale, and no answer come back.
func (s *testMerchant) tear(sale Sale) {
	s.t.Helper()
	require.NoError(s.t, store.Exec(s.ctx, s.config.DB,
		`INSERT INTO presented (request, tap) VALUES ($1, 1)`, sale.Number))
}

// refused returns what a card that is held to the terminal for a closed sale learns.
func (s *testMerchant) refused(sale Sale) error {
	_, err := s.terminal.Take(s.ctx, sale.Number, nil, pin.Block{})
	return err
}

func TestLimitsHoldUntilTheTerminalIsSynchronised(t *testing.T) {
	t.Run("12 receipts", func(t *testing.T) {
		s := newTestMerchant(t)
		for range PilotPolicy().MaxTransactions {
			s.sell(10 * money.Krona)
		}
		_, err := s.terminal.Ask(s.ctx, money.Krona)
		require.ErrorIs(t, err, ErrSyncFirst)
		_, err = s.apply(s.next())
		require.NoError(t, err)
		_, err = s.terminal.Ask(s.ctx, money.Krona)
		require.NoError(t, err)
	})
	t.Run("20 000 kr", func(t *testing.T) {
		s := newTestMerchant(t)
		for range 6 {
			s.sell(3000 * money.Krona)
		}
		_, err := s.terminal.Ask(s.ctx, 2000*money.Krona+1)
		require.ErrorIs(t, err, ErrSyncFirst)
		sale, err := s.terminal.Ask(s.ctx, 2000*money.Krona)
		require.NoError(t, err, "exactly the limit")
		_, err = s.terminal.Ask(s.ctx, 1)
		require.NoError(t, err, "what could never be paid costs nothing")
		s.tear(sale)
		_, err = s.terminal.Ask(s.ctx, 1)
		require.ErrorIs(t, err, ErrSyncFirst, "a torn tap holds its place")
		var reached *limit.Reached
		require.ErrorAs(t, err, &reached)
		assert.Equal(t, limit.Sum, reached.Limit)
		assert.Equal(t, "the terminal's sum without the network has no room for the amount (at "+
			"most 20000.00 kr; 0.00 kr left): ask for less, or synchronise the terminal first",
			err.Error())
	})
	t.Run("one payment", func(t *testing.T) {
		s := newTestMerchant(t)
		_, err := s.terminal.Ask(s.ctx, 3000*money.Krona+1)
		require.ErrorIs(t, err, ErrTooMuch)
		_, err = s.terminal.Ask(s.ctx, 0)
		require.Error(t, err)
	})
	t.Run("open sales", func(t *testing.T) {
		s := newTestMerchant(t)
		var first Sale
		for n := range spec.MaxOpenRequests {
			sale, err := s.terminal.Ask(s.ctx, money.Krona)
			require.NoError(t, err)
			if n == 0 {
				first = sale
			} else {
				s.tear(sale)
			}
		}
		_, err := s.terminal.Ask(s.ctx, money.Krona)
		require.NoError(t, err, "the sale that nobody can have paid makes room")
		_, err = s.terminal.Ask(s.ctx, money.Krona)
		require.NoError(t, err)
		require.ErrorContains(t, s.refused(first), "refused")
		open, err := s.terminal.OpenSales(s.ctx)
		require.NoError(t, err)
		s.tear(open[len(open)-1])
		room, err := s.terminal.Room(s.ctx)
		require.NoError(t, err)
		assert.Equal(t, Room{Receipts: 8, MostReceipts: 12, Sum: 19_996 * money.Krona,
			MostSum: 20_000 * money.Krona, MaxPayment: 3000 * money.Krona, Open: 4, Torn: 4}, room)
		_, err = s.terminal.Ask(s.ctx, money.Krona)
		require.ErrorIs(t, err, ErrOpenSales)
		closed, err := s.terminal.CloseUnpaid(s.ctx, open[0].Number)
		require.NoError(t, err)
		require.False(t, closed, "a card may have paid it")
		_, err = s.terminal.Refuse(s.ctx, open[0].Number)
		require.NoError(t, err)
		_, err = s.terminal.Ask(s.ctx, money.Krona)
		require.NoError(t, err)
	})
	t.Run("expiry", func(t *testing.T) {
		s := newTestMerchant(t)
		s.clock.At = s.clock.At.AddDate(0, 0, 1001)
		_, err := s.terminal.Ask(s.ctx, money.Krona)
		require.ErrorIs(t, err, ErrExpired)
	})
}
