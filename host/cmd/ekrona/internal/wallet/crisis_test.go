package wallet

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/wallet"
)

// TestAnOrderWithoutARowForTheCardSaysSo: its ordinary limits are not the central bank's.
func TestAnOrderWithoutARowForTheCardSaysSo(t *testing.T) {
	today, err := message.ParseDate("2026-11-30")
	require.NoError(t, err)
	h := wallet.Holdings{Limits: message.Policy{MaxBalance: 4_000_00},
		Crisis: &message.CrisisOrder{Number: 2, From: today, Until: today.AddDays(6),
			Rows: []message.CrisisRow{{Name: "SENORDIC", MaxBalance: 9_000_00},
				{Group: 2, MaxBalance: 9_000_00}}}}
	none := crisisLimitsOf(h, "SEFJORDB", today)
	assert.True(t, none.None)
	assert.Contains(t, none.Text, "has no limits for this card")
	assert.Contains(t, none.Swedish, "inga gränser för det här kortet")
	assert.False(t, crisisLimitsOf(h, "SENORDIC", today).None)
	h.Counters.Group = 2
	assert.Contains(t, crisisLimitsOf(h, "SEFJORDB", today).Swedish, "Krisgränser från Riksbanken")
	h.Crisis.Rows = nil
	assert.Contains(t, crisisLimitsOf(h, "SEFJORDB", today).Swedish, "har avslutat krisen")
	assert.Contains(t, crisisLimitsOf(h, "SEFJORDB", today).English, "has ended the crisis")
}
