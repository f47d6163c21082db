package settlement_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
)

var receipts = flag.Int("receipts", 40,
	"receipts of a terminal whose payers have no cover yet; a country's week has 5000")

// TestAClaimIsReadWithItsOwnWalletOnly: a terminal hands over receipts of as many payers, whose
// wallets wait for what others paid them. Each is read once, whatever waits beside it.
func TestAClaimIsReadWithItsOwnWalletOnly(t *testing.T) {
	w := settlementtest.NewWorld(t)
	merchant := w.Issue("SHOP", "FJORD", spec.RoleTerminal)
	var payers []*settlementtest.Device
	for n := range *receipts {
		payers = append(payers, w.Issue(fmt.Sprintf("%08d", n), "NORDIC", spec.RoleCard))
	}
	swept, stop := settlement.MeasureSweeps()
	defer stop()
	report := func(part string, receipts int) {
		t.Logf("%s: %d receipts read %d payments, a sweep over everything %d (%.0f times as "+
			"many); %v and %v for each receipt, %.1f times as long", part, receipts, swept.Touched,
			swept.Whole, float64(swept.Whole)/float64(swept.Touched),
			swept.TouchedTime/time.Duration(receipts), swept.WholeTime/time.Duration(receipts),
			float64(swept.WholeTime)/float64(swept.TouchedTime))
	}
	for n, payer := range payers {
		r := message.Request{Payee: merchant.ID, Number: uint32(n + 1), Amount: 10}
		require.NoError(t, message.Sign(&r, merchant.StolenKey()))
		p := &message.Payment{Payer: payer.ID, ATC: 1, Request: r}
		require.NoError(t, message.Sign(p, payer.StolenKey()))
		identity, err := message.Identity(p)
		require.NoError(t, err)
		receipt := &message.Receipt{Payee: merchant.ID, ATC: uint32(n + 1), Payer: payer.ID,
			Number: uint32(n + 1), Payment: identity}
		require.NoError(t, message.Sign(receipt, merchant.StolenKey()))
		record, err := message.Record{Payment: p, Receipt: receipt}.Encode()
		require.NoError(t, err)
		w.Submit(record)
		if n+1 == *receipts/5 {
			report("the first fifth", n+1)
		}
	}
	report("all", *receipts)
	assert.Equal(t, 1, swept.MostTouched)
	assert.Equal(t, *receipts, swept.Touched)
	assert.Equal(t, *receipts*(*receipts+1)/2, swept.Whole)
}
