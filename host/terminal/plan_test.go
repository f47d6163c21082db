package terminal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// TestASaleReadsNoWholeTable: what a sale asks its journal is found by an index, so that it costs
// the same whatever the journal holds.
func TestASaleReadsNoWholeTable(t *testing.T) {
	if storetest.Dialect() != store.SQLite {
		t.Skip("the plans are SQLite's")
	}
	s := newTestMerchant(t)
	s.sell(money.Krona)
	for _, query := range []string{openTotals, openNumbers, isTornQuery} {
		plan, err := store.All(s.ctx, s.config.DB, func(row store.Row) (detail string, err error) {
			var id, parent, unused int
			return detail, row.Scan(&id, &parent, &unused, &detail)
		}, "EXPLAIN QUERY PLAN "+query, 0)
		require.NoError(t, err)
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN CONSTANT ROW" {
				require.Contains(t, step, "INDEX request_open", query)
			}
		}
	}
}
