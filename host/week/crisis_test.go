package week

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/limit"
)

// A crisis order that one terminal has by file on the morning of day two comes to the others and to
// the cards by taps alone: nobody has it before, and who has it keeps it.
func TestACrisisOrderSpreadsByTaps(t *testing.T) {
	p := small(Crisis)
	p.Days = 4
	r := play(t, p)
	checkAllIsWell(t, p, r)
	require.NotNil(t, r.Order)
	assert.Len(t, r.Order.Merchants, 1)
	assert.Zero(t, r.Days[0].Crisis, "before the day")
	former := Spreading{}
	for _, d := range r.Days[1:] {
		assert.GreaterOrEqual(t, d.Crisis.Cards, former.Cards)
		assert.GreaterOrEqual(t, d.Crisis.Terminals, former.Terminals)
		assert.Empty(t, d.Crisis.Used, "nobody comes to the default limits")
		former = d.Crisis
	}
	assert.Greater(t, former.Cards, r.Days[1].Crisis.Cards, "it goes on after its first day")
	assert.Equal(t, p.Terminals, former.Terminals)
	p.Workers = 1
	assert.Equal(t, r.Digest, play(t, p).Digest)
	var out strings.Builder
	r.WriteOrder(&out)
	assert.Regexp(t, `^crisis order 1 came by file to 1 terminal on the morning of day 2; `+
		`.*needed: none\n$`, out.String())
	var table strings.Builder
	require.NoError(t, WriteTable(&table, r))
	assert.Regexp(t, `\| crisis \| 1 .*kr +\| +\|\n\| crisis \| 2 .*kr +\| \d+\.\d\d %, `,
		table.String())
	picture, err := Plot(r)
	require.NoError(t, err)
	assert.Contains(t, string(picture), "cards with the crisis order")
}

// What a card could not hold by its policy it holds by the order, which it has from a terminal. Its
// owner's phone gives the order to the payer's phone beside the Request, and that to the payer's
// card.
func TestRaisedLimitsThatWereNeeded(t *testing.T) {
	w, err := foundWorld(t.Context(), Plan{Cards: 4, Terminals: 1, Days: 2, Seed: 1,
		Limits: Crisis})
	require.NoError(t, err)
	defer func() { require.NoError(t, w.close()) }()
	w.dark.Store(true)
	attempts := 0
	pays := func(amount money.Ore, payer, payee, merchant int) Reason {
		attempts++
		v := &visit{ctx: t.Context(), w: w, on: w.hands[0], r: draws(w.seed, "test", attempts),
			attempt: &attempt{purpose: Food, amount: amount, payer: payer, payee: payee,
				merchant: merchant}}
		require.NoError(t, v.play())
		require.NoError(t, v.outcome.err)
		return v.outcome.reason
	}
	look := func() Spreading {
		cards, err := ofAll(t.Context(), w, w.state)
		require.NoError(t, err)
		require.NoError(t, w.checkOwners(cards))
		s, err := w.spreading(t.Context(), cards)
		require.NoError(t, err)
		return s
	}
	full := message.DefaultPolicy().MaxBalance
	require.Equal(t, full, w.people[3].balance)
	assert.Equal(t, Reason{What(limit.Balance), limit.Payee}, pays(money.Krona, 0, 3, nobody))
	assert.Zero(t, look())
	_, err = w.orderCrisis(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Spreading{Terminals: 1, Used: []Used{}}, look())
	assert.Zero(t, pays(100*money.Krona, 3, nobody, 0))
	assert.Equal(t, Spreading{Cards: 1, Terminals: 1, Used: []Used{}}, look())
	assert.Zero(t, pays(500*money.Krona, 0, 3, nobody))
	assert.Equal(t, full+400*money.Krona, w.people[3].balance)
	assert.Equal(t, Spreading{Cards: 2, Terminals: 1, Used: []Used{
		{Reason{What(limit.Balance), limit.Card}, 1}}}, look())
}

// An order that is not the one that was signed is no order: the week ends there.
func TestAnOrderThatNobodyHasSigned(t *testing.T) {
	w, err := foundWorld(t.Context(), Plan{Cards: 1, Terminals: 1, Days: 1, Limits: Crisis})
	require.NoError(t, err)
	defer func() { require.NoError(t, w.close()) }()
	_, err = w.spreading(t.Context(), []*message.State{{OrderHeld: message.Hash{1}}})
	require.ErrorContains(t, err, "which nobody has signed")
	_, err = w.orderCrisis(t.Context())
	require.NoError(t, err)
	w.order = order{}
	_, err = w.spreading(t.Context(), []*message.State{{}})
	require.ErrorContains(t, err, "that nobody has signed")
}

// By file it comes to a quarter of the merchants, of three trades; at least to one.
func TestWhoHasTheOrderByFile(t *testing.T) {
	for merchants, some := range map[int]int{1: 1, 4: 1, 20: 5, 200: 50} {
		d := newDistrict(1, 10, merchants)
		drawn := d.fileMerchants()
		require.Len(t, drawn, some)
		assert.Equal(t, drawn, d.fileMerchants())
		of := make([]int, len(trades))
		for _, n := range drawn {
			assert.True(t, n >= 0 && n < merchants)
			for trade := range trades {
				if slices.Contains(d.ofTrade[trade], n) {
					of[trade]++
				}
			}
		}
		if some > 1 {
			assert.Equal(t, []int{merchants / 10, merchants / 10, merchants / 20, 0}, of)
		}
	}
}
