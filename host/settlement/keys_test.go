package settlement_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/attack"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// coSign asks for the next Instruction of a device.
func coSign(t *testing.T, w *settlementtest.World, d *settlementtest.Device, order string) error {
	t.Helper()
	i := w.Instruction(d, next(t, w, d), 0)
	_, err := w.Notary.For(d.ID.Name()).CoSign(t.Context(), notary.OrderKey(order), w.Encode(i))
	return err
}

// TestRestoredKeysSignNothingOlder: keys that come from a backup, to a ledger that has gone on,
// sign nothing for a device that has an Instruction by a later one. It would refuse it for ever.
func TestRestoredKeysSignNothingOlder(t *testing.T) {
	w := settlementtest.NewWorldOn(t, nil, newFile(t, t.TempDir()))
	defer func() { w.Stop() }()
	anna, bertil := w.Issue("ANNA", "NORDIC", spec.RoleCard), w.Issue("BERTIL", "FJORD",
		spec.RoleCard)
	w.Sync(anna, settlementtest.Whole, 0)
	use := func(reference message.AuthorityRef, days int) {
		w.Stop()
		w.UseNotaryKey(reference, settlementtest.LastDay().AddDays(days))
		w.Start()
	}
	use("SENOTARY00002", 10)
	w.Sync(anna, settlementtest.Whole, 0)
	use("SENOTARY00001", 0)
	require.ErrorIs(t, coSign(t, w, anna, "restored"), notary.OlderKey)
	require.Nil(t, next(t, w, anna).Instruction)
	w.Sync(bertil, settlementtest.Whole, 0) // who has none by the later key
	use("SENOTARY00002", 10)
	w.Sync(anna, settlementtest.Whole, 0)
	use("SENOTARY00003", 10)
	w.Sync(anna, settlementtest.Whole, 0) // as late an end is no older key

	nordic := w.Intermediaries["NORDIC"]
	ends := settlementtest.LastDay()
	w.UseInstructionKey(nordic, "SENORDIC00003", ends.AddDays(-1))
	require.ErrorIs(t, w.Join(nordic), notary.Certificate, "no device would take it")
	w.UseInstructionKey(nordic, "SENORDIC00003", ends.AddDays(1))
	require.NoError(t, w.Join(nordic))
	w.Sync(anna, settlementtest.Whole, 0)
	w.UseInstructionKey(nordic, "SENORDIC00002", ends)
	require.NoError(t, w.Join(nordic), "the former one joins again, as at every founding")
	err := coSign(t, w, anna, "restored too")
	require.ErrorIs(t, err, notary.OlderKey)
	require.ErrorContains(t, err, "is by the instruction key SENORDIC00002, the one before was by "+
		"SENORDIC00003, which ends later")
}

// TestRestoredLedgerSignsNothingOlder: a ledger that comes from a backup together with its key has
// forgotten the Instructions by the later one. The device's State shows them, before anything is
// signed for it.
func TestRestoredLedgerSignsNothingOlder(t *testing.T) {
	if storetest.Dialect() != store.SQLite {
		t.Skip("the backup is a copy of the file")
	}
	path := newFile(t, t.TempDir())
	w := settlementtest.NewWorldOn(t, nil, path)
	anna := w.Issue("ANNA", "NORDIC", spec.RoleCard)
	w.Sync(anna, settlementtest.Whole, 0)
	w.Stop()
	backup, err := os.ReadFile(path)
	require.NoError(t, err)
	w.UseNotaryKey("SENOTARY00002", settlementtest.LastDay().AddDays(10))
	w.Start()
	w.Sync(anna, settlementtest.Whole, 0)
	w.Stop()

	require.NoError(t, os.WriteFile(path, backup, 0o600))
	w.UseNotaryKey("SENOTARY00001", settlementtest.LastDay())
	w.Start()
	state, err := anna.State(w.Challenge(anna))
	require.NoError(t, err)
	_, err = w.Notary.For(nordic).SubmitState(t.Context(), w.Encode(state))
	require.ErrorIs(t, err, notary.Sequence, "it was never co-signed here")
	require.Nil(t, next(t, w, anna).Instruction)

	// With the later key, which was not lost, the restored ledger serves who has no later
	// Instruction.
	w.Stop()
	w.UseNotaryKey("SENOTARY00002", settlementtest.LastDay().AddDays(10))
	w.Start()
	w.Sync(w.Issue("BERTIL", "FJORD", spec.RoleCard), settlementtest.Whole, 0)
	w.Stop()
}

// TestEndedRootCertifiesNothing: the thief of a root that has ended dates what it certifies into
// the future. The keys that joined before go on.
func TestEndedRootCertifiesNothing(t *testing.T) {
	w := loaded(t)
	on, setup := attacked(t, w)
	w.Clock.At = w.Clock.At.AddDate(6, 0, 0)
	later := settlementtest.LastDay().AddDays(1000)
	by := *w.Intermediaries["NORDIC"]
	w.UseInstructionKey(&by, "SENORDIC00009", later)
	setup.ByEndedRoot.InstructionKey = by.InstructionCertificate
	setup.ByEndedRoot.CA = w.OtherCA("SENORDIC00008", later)
	require.NoError(t, attack.EndedRoot.Run(t.Context(), on, setup))
	require.NoError(t, w.Join(w.Intermediaries["NORDIC"]), "what is known stays")
}
