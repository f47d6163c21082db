package settlement_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// TestALedgerThatWasSetBackIsNamed: to the intermediary that has an entry which an older copy
// lacks, before it takes another one of that number; one that has no such entry goes on.
func TestALedgerThatWasSetBackIsNamed(t *testing.T) {
	if storetest.Dialect() != store.SQLite {
		t.Skip("the backup is a copy of the file")
	}
	path := newFile(t, t.TempDir())
	w := settlementtest.NewWorldOn(t, nil, path)
	anna := w.Issue("ANNA", "NORDIC", spec.RoleCard)
	require.NoError(t, w.Notary.Issue(t.Context(), "1", nordic, 1000_00))
	require.NoError(t, w.Notary.Issue(t.Context(), "1f", fjord, 1000_00))
	last := func(of notary.Participant) int64 {
		t.Helper()
		all, err := of.Statement(t.Context(), 0, notary.MaxPage)
		require.NoError(t, err)
		return all[len(all)-1].Seq
	}
	known := last(w.Notary.For(nordic))
	w.Stop()
	backup, err := os.ReadFile(path)
	require.NoError(t, err)
	w.Start()
	_, refused := w.Sync(anna, settlementtest.Whole, 200_00)
	require.NoError(t, refused)
	later := last(w.Notary.For(nordic))
	require.Greater(t, later, known)
	none, err := w.Notary.For(nordic).Statement(t.Context(), later, 1)
	require.NoError(t, err)
	require.Empty(t, none)
	w.Stop()

	require.NoError(t, os.WriteFile(path, backup, 0o600))
	w.Start()
	for _, size := range []int{1, notary.MaxPage} {
		_, err = w.Notary.For(nordic).Statement(t.Context(), later, size)
		require.ErrorIs(t, err, notary.SetBack)
		require.ErrorContains(t, err, "put back the ledger that has all that it acknowledged")
		for of, at := range map[notary.Participant]int64{
			w.Notary.For(nordic): known, w.Notary.For(fjord): last(w.Notary.For(fjord))} {
			none, err := of.Statement(t.Context(), at, size)
			require.NoError(t, err)
			require.Empty(t, none)
		}
	}
	w.Stop()
}
