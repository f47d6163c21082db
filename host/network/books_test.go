package network

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/intermediary"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/remote"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// TestAPartyKeepsToItsOwnBooks: whose settings name the database of another party, by a line that
// was copied, does not start, and nothing changes there; nor is a bank's database restored from
// another's copy.
func TestAPartyKeepsToItsOwnBooks(t *testing.T) {
	r := up(t)
	r.stop()
	ctx, central := t.Context(), filepath.Join(r.folder, CentralBankFolder)
	folderOf := map[message.Name]string{}
	for _, p := range sandbox.Pilot().Banks {
		folderOf[p.Name] = filepath.Join(r.folder, p.Folder)
	}
	databaseOf := func(name message.Name) string {
		switch {
		case storetest.Dialect() == store.PostgreSQL:
			return r.databases[name]
		case name == "":
			return filepath.Join(central, "ledger.db")
		}
		return filepath.Join(folderOf[name], "intermediary.db")
	}
	unreachable := func(string, party.Caller) remote.Transport {
		return party.Failing{Why: remote.ErrUnreachable}
	}
	openBank := func(name, database message.Name) error {
		b, err := bank.OpenWith(ctx, folderOf[name], func(s *bank.Settings) {
			s.Database = databaseOf(database)
		}, unreachable, party.Environment{})
		if err == nil {
			err = b.Close()
		}
		return err
	}
	for range 2 {
		require.ErrorIs(t, openBank(sandbox.Fjord, sandbox.Nordic), intermediary.ErrOthersBooks)
		require.ErrorIs(t, openBank(sandbox.Fjord, ""), store.ErrForeign)
		_, err := centralbank.OpenWith(ctx, central, func(s *centralbank.Settings) {
			s.Database = databaseOf(sandbox.Nordic)
		}, party.Environment{})
		require.ErrorIs(t, err, store.ErrForeign)
	}
	for _, name := range []message.Name{sandbox.Nordic, sandbox.Fjord} {
		require.NoError(t, openBank(name, name))
	}
	if storetest.Dialect() == store.SQLite {
		copied := filepath.Join(t.TempDir(), "copy.db")
		require.NoError(t, bank.BackUp(ctx, folderOf[sandbox.Nordic], copied))
		err := bank.Restore(ctx, folderOf[sandbox.Fjord], copied, party.Environment{})
		require.ErrorIs(t, err, intermediary.ErrOthersBooks)
		require.ErrorContains(t, err, copied)
		require.NoError(t, openBank(sandbox.Fjord, sandbox.Fjord))
		require.NoFileExists(t, databaseOf(sandbox.Fjord)+".former")
	}
	r.start()
}
