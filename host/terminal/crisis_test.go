package terminal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/limit"
	"ekrona.example/personalization/pki"
)

// crisisKey makes the n-th crisis key; each ends a day later than the one before.
func (s *testMerchant) crisisKey(n int) pki.Identity {
	s.t.Helper()
	holder := cvc.Holder([]string{"", "SECRISIS00001", "SECRISIS00002"}[n])
	subject := s.subject(holder, spec.RoleCrisisKey)
	subject.Expiry = subject.Expiry.AddDays(n - 10)
	made, err := pki.Open(s.t.TempDir(), s.random).Certified("crisis", subject, s.root)
	require.NoError(s.t, err)
	return made
}

// order signs a crisis order from tomorrow on, for three days.
func (s *testMerchant) order(
	by pki.Identity, number uint32, rows ...message.CrisisRow,
) crisis.Carried {
	s.t.Helper()
	tomorrow := message.DateOf(s.clock.At).AddDays(1)
	o := &message.CrisisOrder{CrisisKey: message.AuthorityRef(by.Certificate.Holder),
		Notary: "SENOTARY00001", Number: number, From: tomorrow, Until: tomorrow.AddDays(2),
		Rows: rows}
	require.NoError(s.t, message.SignAs(o, message.ByCrisisKey, by.Signer))
	require.NoError(s.t, message.SignAs(o, message.ByNotary, s.notary.Signer))
	encoded, err := message.Encode(o)
	require.NoError(s.t, err)
	return crisis.Carried{Order: encoded, CrisisKey: by.Encoded, Notary: s.notary.Encoded}
}

func (s *testMerchant) days(n int) { s.clock.At = s.clock.At.AddDate(0, 0, n) }

// TestLimitsAreRaisedWhileTheOrderCounts: by the terminal's own clock, and kept over a restart.
func TestLimitsAreRaisedWhileTheOrderCounts(t *testing.T) {
	s := newTestMerchant(t)
	row := crisis.DefaultRow()
	require.NoError(t, s.terminal.TakeCrisis(s.ctx, s.order(s.crisisKey(1), 1, row)))
	for day := range 6 {
		s.start()
		room, err := s.terminal.Room(s.ctx)
		require.NoError(t, err)
		carried, err := s.terminal.CarriedCrisis(s.ctx)
		require.NoError(t, err)
		if day >= 1 && day <= 3 {
			require.Equal(t, row.MaxReceived, room.MostSum, day)
			require.EqualValues(t, row.MaxReceipts, room.MostReceipts)
			require.Equal(t, &CrisisInForce{1, "2026-11-25", false}, room.Crisis)
			require.NotEmpty(t, carried.Order)
		} else {
			require.Equal(t, PilotPolicy().MaxBalance, room.MostSum, day)
			require.EqualValues(t, PilotPolicy().MaxTransactions, room.MostReceipts)
			require.Nil(t, room.Crisis)
			require.Empty(t, carried.Order, "not passed on")
		}
		s.days(1)
	}
}

// TestReceiptsAreCountedThroughACrisis: an order adds nothing to what was taken, and its end takes
// nothing away.
func TestReceiptsAreCountedThroughACrisis(t *testing.T) {
	s := newTestMerchant(t)
	for range PilotPolicy().MaxTransactions {
		s.sell(money.Krona)
	}
	require.NoError(t, s.terminal.TakeCrisis(s.ctx,
		s.order(s.crisisKey(1), 1, message.CrisisRow{MaxReceipts: 14})))
	_, err := s.terminal.Ask(s.ctx, money.Krona)
	require.ErrorIs(t, err, ErrSyncFirst, "not yet")
	s.days(1)
	s.sell(money.Krona)
	s.sell(money.Krona)
	_, err = s.terminal.Ask(s.ctx, money.Krona)
	require.ErrorIs(t, err, ErrSyncFirst, "fourteen in all")
	s.days(3)
	room, err := s.terminal.Room(s.ctx)
	require.NoError(t, err)
	require.Zero(t, room.Receipts)
}

// TestTheStateShowsTheOrderAndAnInstructionEndsIt: as a card's.
func TestTheStateShowsTheOrderAndAnInstructionEndsIt(t *testing.T) {
	s := newTestMerchant(t)
	state, _ := s.read()
	require.Zero(t, state.OrderNumber)
	key := s.crisisKey(1)
	carried := s.order(key, 3, crisis.DefaultRow())
	require.NoError(t, s.terminal.LearnCrisis(s.ctx, carried, s.trust()))
	require.NoError(t, s.terminal.LearnCrisis(s.ctx, carried, s.trust()), "again")
	state, _ = s.read()
	order, err := message.Parse[message.CrisisOrder](carried.Order)
	require.NoError(t, err)
	identity, err := message.Identity(order)
	require.NoError(t, err)
	require.Equal(t, uint32(3), state.OrderNumber)
	require.Equal(t, identity, state.OrderHeld)
	told := func(lowest uint32) {
		i := s.next()
		i.OrderNumber = lowest
		_, err := s.apply(i)
		require.NoError(t, err)
		state, _ = s.read()
	}
	told(3)
	require.Equal(t, identity, state.OrderHeld, "its own number is good")
	told(4)
	require.Equal(t, message.Hash{}, state.OrderHeld)
	require.Equal(t, uint32(3), state.OrderNumber)
	require.ErrorIs(t, s.terminal.TakeCrisis(s.ctx, carried), crisis.ErrOld)
	altered := s.order(key, 9)
	altered.Order[len(altered.Order)-1] ^= 1
	require.NoError(t, s.terminal.LearnCrisis(s.ctx, altered, s.trust()), "stops nothing")
	state, _ = s.read()
	require.Equal(t, uint32(3), state.OrderNumber)
}

// TestANewerCrisisKeyDropsTheThievesOrder: whatever its number, and from then on the key is given
// to every card with a higher number.
func TestANewerCrisisKeyDropsTheThievesOrder(t *testing.T) {
	s := newTestMerchant(t)
	former, newer := s.crisisKey(1), s.crisisKey(2)
	require.NoError(t, s.terminal.TakeCrisis(s.ctx, s.order(former, 1<<32-1)))
	require.NoError(t, s.terminal.TakeCrisis(s.ctx, s.order(newer, 2, crisis.DefaultRow())))
	kept, err := s.terminal.readCrisis(s.ctx, s.config.DB)
	require.NoError(t, err)
	require.Equal(t, uint32(2), kept.Order.Number)
	require.True(t, kept.replaced)
	require.ErrorIs(t, s.terminal.TakeCrisis(s.ctx, s.order(former, 1<<32-1)), crisis.ErrOldKey)
}

// TestOnePayerPaysNoMoreThanACardCan: between two acknowledgements of the terminal.
func TestOnePayerPaysNoMoreThanACardCan(t *testing.T) {
	s := newTestMerchant(t) // the pilot's 3,000 kr
	s.sell(2000 * money.Krona)
	own := s.payer.Certificate
	require.NoError(t, s.terminal.mayTake(s.ctx, own, 1000*money.Krona), "exactly the limit")
	err := s.terminal.mayTake(s.ctx, own, 1000*money.Krona+1)
	require.ErrorIs(t, err, ErrPayerSum)
	var reached *limit.Reached
	require.ErrorAs(t, err, &reached)
	assert.Equal(t, "the terminal's sum from this card without the network has no room for the "+
		"amount (at most 3000.00 kr; 1000.00 kr left): ask for less or for another card, or "+
		"synchronise the terminal first", err.Error())
	require.NoError(t, s.terminal.checkPayerSum(s.ctx, "SENORDIC00000002", 3000*money.Krona),
		"another card")
	require.NoError(t, s.terminal.TakeCrisis(s.ctx, s.order(s.crisisKey(1), 1,
		message.CrisisRow{Name: "SEFJORDB", MaxSpent: 9000 * money.Krona},
		message.CrisisRow{Group: 2, MaxSpent: 5000 * money.Krona})))
	s.days(1)
	require.NoError(t, s.terminal.mayTake(s.ctx, own, 3000*money.Krona), "whatever its group")
	require.ErrorIs(t, s.terminal.mayTake(s.ctx, own, 3000*money.Krona+1), ErrPayerSum,
		"another intermediary's row")
	s.days(3)
	require.ErrorIs(t, s.terminal.mayTake(s.ctx, own, 1000*money.Krona+1), ErrPayerSum)
	_, err = s.apply(s.next())
	require.NoError(t, err)
	require.NoError(t, s.terminal.mayTake(s.ctx, own, 3000*money.Krona), "acknowledged")
}

// TestRequestsHaveTheDay: the payer's card counts an order by it.
func TestRequestsHaveTheDay(t *testing.T) {
	s := newTestMerchant(t)
	sale, err := s.terminal.Ask(s.ctx, money.Krona)
	require.NoError(t, err)
	request, err := message.Parse[message.Request](sale.Request.Message)
	require.NoError(t, err)
	require.Equal(t, message.DateOf(s.clock.At), request.Date)
}
