package settlement_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/settlement"
	"ekrona.example/host/store"
)

// TestReadersSkipNothing: who reads the statement and the revocation list page by page, while many
// write at two notaries, misses nothing: what is committed later has a higher number.
func TestReadersSkipNothing(t *testing.T) {
	defer settlement.OnlyTouched()()
	w := newRaceWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	var seen, revoked []int64
	read := func() {
		var after, last int64
		if len(seen) > 0 {
			after = seen[len(seen)-1]
		}
		if len(revoked) > 0 {
			last = revoked[len(revoked)-1]
		}
		entries, err := w.both[0].For(nordic).Statement(t.Context(), after, 3)
		assert.NoError(t, err)
		for _, e := range entries {
			seen = append(seen, e.Seq)
		}
		list, err := w.both[1].Revoked(t.Context(), last, 3)
		assert.NoError(t, err)
		for _, r := range list {
			revoked = append(revoked, r.Seq)
		}
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			read()
		}
	})
	var working sync.WaitGroup
	for n, card := range w.cards {
		p := paid(t, card, w.merchant, 10_00)
		receipt, err := w.merchant.Accept(p)
		require.NoError(t, err)
		w.merchant.Log = nil
		record, err := message.Record{Payment: p, Receipt: receipt}.Encode()
		require.NoError(t, err)
		working.Go(func() {
			assert.NoError(t, w.both.call(n, func(one *settlement.Notary) error {
				_, err := one.For(nordic).Submit(t.Context(), [][]byte{record})
				return err
			}))
			assert.NoError(t, w.both.call(n, func(one *settlement.Notary) error {
				return one.For(nordic).ReportLost(t.Context(), card.ID)
			}))
			assert.NoError(t, w.both[n%2].GiveUp(t.Context()))
		})
	}
	working.Wait()
	stop()
	reading.Wait()
	for before := -1; before < len(seen)+len(revoked); {
		before = len(seen) + len(revoked)
		if read(); len(seen)+len(revoked) == before {
			break
		}
	}
	all, err := store.Column[int64](t.Context(), w.DB,
		"SELECT coalesce(number, seq) FROM statement WHERE intermediary = $1 ORDER BY seq",
		nordic)
	require.NoError(t, err)
	assert.Equal(t, all, seen)
	assert.Len(t, revoked, len(w.cards))
	assert.True(t, slices.IsSorted(revoked))
}
