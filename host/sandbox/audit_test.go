package sandbox

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/store"
)

// TestALedgerIsAuditedWhileItIsOpen: the ledger of a central bank that is at work is checked beside
// it, and what somebody has changed in it is named.
func TestALedgerIsAuditedWhileItIsOpen(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	s := found(t, folder)
	defer s.Close()
	c, err := s.CentralBank(ctx)
	require.NoError(t, err)
	path := s.path(centralBankFolder)

	violations, err := centralbank.Audit(ctx, path)
	require.NoError(t, err)
	require.Empty(t, violations)

	device, err := store.Column[string](ctx, c.Ledger, "SELECT min(id) FROM device")
	require.NoError(t, err)
	for _, falsified := range []struct{ name, change, back, what string }{
		{"a sum in a device's row", "UPDATE device SET unconfirmed = unconfirmed + 5 WHERE id = $1",
			"UPDATE device SET unconfirmed = unconfirmed - 5 WHERE id = $1",
			"its row carries unconfirmed 0.05 kr, and all rows say unconfirmed 0.00 kr"},
		{"the balance of its wallet",
			"UPDATE ledger_account SET balance = balance + 7 WHERE name = 'shadow:' || $1",
			"UPDATE ledger_account SET balance = balance - 7 WHERE name = 'shadow:' || $1",
			"0.07 kr"},
	} {
		t.Run(falsified.name, func(t *testing.T) {
			require.NoError(t, store.Exec(ctx, c.Ledger, falsified.change, device[0]))
			violations, err := centralbank.Audit(ctx, path)
			require.NoError(t, err)
			require.NotEmpty(t, violations)
			assert.Contains(t, violations[len(violations)-1].Where+violations[0].Where, device[0])
			var all string
			for _, v := range violations {
				all += v.String() + "\n"
			}
			assert.Contains(t, all, falsified.what)
			require.NoError(t, store.Exec(ctx, c.Ledger, falsified.back, device[0]))
		})
	}
	violations, err = centralbank.Audit(ctx, path)
	require.NoError(t, err)
	assert.Empty(t, violations, "everything is as it was")

	require.NoError(t, store.Exec(ctx, c.Ledger, `INSERT INTO payee_answer (identity, bytes, payee,
		seq, request, seen_at) VALUES ($1, $2, $3, 1, 1, '2026-05-01T12:00:00Z')`, make([]byte, 32),
		[]byte{0}, device[0]))
	violations, err = centralbank.Audit(ctx, path)
	require.ErrorContains(t, err, "payee_answer", "money cannot be added up")
	require.NotEmpty(t, violations, "what is wrong with the row is told all the same")
	assert.Contains(t, violations[0].What, "decision is gone")
}
