package settlement_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/latency"
	"ekrona.example/host/ledger"
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
		return recordOf(t, cards[payer], cards[payee], atc, number)
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

// TestALargeSetHoldsNobodyUp: while a set of claims is netted beside, terminals go on handing over.
// It reports how long each batch of theirs takes, without and with that.
func TestALargeSetHoldsNobodyUp(t *testing.T) {
	defer settlement.OnlyTouched()()
	m := newMorning(t)
	others := &crowd{World: m.World, t: t, terminals: *callers}
	others.addWallets(int64(*ring))
	others.addRing()
	service, ok := m.Notary.(*settlement.Notary)
	require.True(t, ok)
	parts, _ := m.records()
	before := latency.Of(m.waits(parts))
	netted := make(chan struct{})
	var moved int
	var failed error
	began := time.Now()
	var took time.Duration
	go func() {
		defer close(netted)
		settlement.Seed(service, others.wallet(0))
		moved, failed = service.NetLarge(context.WithoutCancel(t.Context()))
		took = time.Since(began)
	}()
	var during []time.Duration
	for waiting := true; waiting; { // as long as it lasts
		parts, _ = m.records()
		during = append(during, m.waits(parts)...)
		select {
		case <-netted:
			waiting = false
		default:
		}
	}
	require.NoError(t, failed)
	assert.Equal(t, *ring, moved)
	t.Logf("%d claims in one set, netted in %v: batches of %d take %v; beside it %v, %d of them",
		*ring, took.Round(time.Millisecond), smallBatch, before, latency.Of(during), len(during))
	require.NoError(t, ledger.Verify(t.Context(), m.DB))
}

// smallBatch is how many records a terminal hands over at a time.
const smallBatch = 5

// waits has terminals hand over in small batches, one after the other each, and returns how long
// each took.
func (m *morning) waits(parts [][][]byte) []time.Duration {
	times, failed := make([][]time.Duration, len(parts)), make([]error, len(parts))
	var working sync.WaitGroup
	for i, part := range parts {
		working.Go(func() {
			for batch := range slices.Chunk(part, smallBatch) {
				began := time.Now()
				_, failed[i] = m.Notary.For(fjord).Submit(m.t.Context(), batch)
				times[i] = append(times[i], time.Since(began))
				if failed[i] != nil {
					return
				}
			}
		})
	}
	working.Wait()
	for _, err := range failed {
		require.NoError(m.t, err)
	}
	return slices.Concat(times...)
}

// TestALongChainMovesInParts: money that lets one wallet pay the next, and so on, moves through a
// long chain of them in parts: what has given it is answered before.
func TestALongChainMovesInParts(t *testing.T) {
	defer settlement.OnlyTouched()()
	w, long := settlementtest.NewWorld(t), max(*ring, 2000)
	cards := make([]*settlementtest.Device, long+1)
	for n := range cards {
		cards[n] = w.Issue(fmt.Sprintf("%08d", n), "NORDIC", spec.RoleCard)
	}
	require.NoError(t, w.Notary.Issue(t.Context(), "all", "SENORDIC", 10_00))
	_, refused := w.Sync(cards[long], settlementtest.Whole, 10_00)
	require.NoError(t, refused)
	chain := make([][]byte, long)
	for n := range chain { // each owes the one before, and the last one has the money
		chain[n] = recordOf(t, cards[n+1], cards[n], 1, 1)
	}
	settled := func() int64 {
		n, err := store.Number(t.Context(), w.DB, "SELECT count(*) FROM payment WHERE verdict = $1",
			int(notary.Settled))
		require.NoError(t, err)
		return n
	}
	service, ok := w.Notary.(*settlement.Notary)
	require.True(t, ok)
	for part := range slices.Chunk(chain[:long-1], 400) {
		w.Submit(part...)
	}
	require.Zero(t, settled())
	w.Submit(chain[long-1])
	assert.Less(t, settled(), int64(long))
	_, err := service.NetLarge(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, long, settled())
	w.Audit(false)
}

// recordOf is an accept record of 10 kr, made with stolen keys.
func recordOf(
	t *testing.T, payer, payee *settlementtest.Device, atc, number uint32,
) []byte {
	t.Helper()
	r := message.Request{Payee: payee.ID, Number: number, Amount: 10_00}
	require.NoError(t, message.Sign(&r, payee.StolenKey()))
	p := &message.Payment{Payer: payer.ID, ATC: atc, Request: r}
	require.NoError(t, message.Sign(p, payer.StolenKey()))
	identity, err := message.Identity(p)
	require.NoError(t, err)
	receipt := &message.Receipt{Payee: r.Payee, ATC: 100 + number, Payer: p.Payer,
		Number: number, Payment: identity}
	require.NoError(t, message.Sign(receipt, payee.StolenKey()))
	record, err := message.Record{Payment: p, Receipt: receipt}.Encode()
	require.NoError(t, err)
	return record
}
