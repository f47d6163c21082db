package settlement_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

var ring = flag.Int("ring", 600, "cards that each owe the next one, with nothing in any wallet")

// TestALargeRing: no change reads the whole of a set of claims that is larger than a bound, and the
// claims that can only move together are settled beside.
func TestALargeRing(t *testing.T) {
	defer settlement.OnlyTouched()()
	w := settlementtest.NewWorld(t)
	cards := make([]*settlementtest.Device, *ring)
	for n := range cards {
		cards[n] = w.Issue(fmt.Sprintf("%08d", n), "NORDIC", spec.RoleCard)
	}
	pay := func(payer, payee int, atc, number uint32) []byte {
		r := message.Request{Payee: cards[payee].ID, Number: number, Amount: 10_00}
		require.NoError(t, message.Sign(&r, cards[payee].StolenKey()))
		p := &message.Payment{Payer: cards[payer].ID, ATC: atc, Request: r}
		require.NoError(t, message.Sign(p, cards[payer].StolenKey()))
		identity, err := message.Identity(p)
		require.NoError(t, err)
		receipt := &message.Receipt{Payee: r.Payee, ATC: 100 + number, Payer: p.Payer,
			Number: number, Payment: identity}
		require.NoError(t, message.Sign(receipt, cards[payee].StolenKey()))
		record, err := message.Record{Payment: p, Receipt: receipt}.Encode()
		require.NoError(t, err)
		return record
	}
	settled := func() int64 {
		n, err := store.Number(t.Context(), w.DB, "SELECT count(*) FROM payment WHERE verdict = $1",
			int(notary.Settled))
		require.NoError(t, err)
		return n
	}
	service, ok := w.Notary.(*settlement.Notary)
	require.True(t, ok)
	swept, stop := settlement.MeasureSweeps()
	for first := 0; first < *ring; first += *ring / 3 {
		var part [][]byte
		for n := first; n < min(first+*ring/3, *ring); n++ {
			part = append(part, pay(n, (n+1)%*ring, 1, 1))
		}
		w.Submit(part...)
	}
	stop()
	settlement.OnlyTouched()
	assert.Less(t, swept.MostTouched, *ring)
	require.Zero(t, settled())
	<-service.LargeSets()
	moved, err := service.NetLarge(t.Context())
	require.NoError(t, err)
	assert.Equal(t, *ring, moved)
	assert.EqualValues(t, *ring, settled())
	moved, err = service.NetLarge(t.Context())
	require.NoError(t, err)
	assert.Zero(t, moved, "nothing is left")
	w.Audit(false)
}
