package settlement_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

// TestAnotherLanguageIsRefused: a notary does not start on messages of another form, and does where
// only some of them cannot be read.
func TestAnotherLanguageIsRefused(t *testing.T) {
	w := settlementtest.NewWorld(t)
	dora := w.Issue("DORA", "NORDIC", spec.RoleCard)
	w.Challenge(dora)
	require.NoError(t, store.Exec(t.Context(), w.DB, `INSERT INTO state (identity, bytes, device,
		challenge, seen_at, difference, complete) SELECT $1, $2, device, n, opened_at, 0, FALSE
		FROM challenge`, make([]byte, 32), []byte{1}))
	_, err := w.TryNotary(w.DB)
	require.ErrorIs(t, err, settlement.ErrLanguage)
	w.Sync(dora, settlementtest.State, 0)
	_, err = w.TryNotary(w.DB)
	require.NoError(t, err)
}
