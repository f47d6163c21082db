package settlement_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

func supervisor(t *testing.T, w *settlementtest.World) notary.Supervisor {
	t.Helper()
	s, ok := w.Notary.(notary.Supervisor)
	require.True(t, ok)
	return s
}

// TestReconcileNamesWhatDoesNotAgree: a device that holds more or less than its records say, one
// that has not handed its records over, a clone, and books that somebody has changed; nobody else.
func TestReconcileNamesWhatDoesNotAgree(t *testing.T) {
	w := loaded(t)
	ctx, s := t.Context(), supervisor(t, w)
	anna, bertil, merchant := w.Devices["ANNA"], w.Devices["BERTIL"], w.Devices["SHOP"]
	dora := w.Issue("DORA", "NORDIC", spec.RoleCard)
	found := func() map[string]string {
		t.Helper()
		all, err := notary.ReconcileAll(ctx, s)
		require.NoError(t, err)
		require.Equal(t, 4, all.Judged+all.Silent)
		why := map[string]string{}
		for _, d := range all.Found {
			require.Equal(t, d.Device.Name(), d.Intermediary)
			why[string(d.Device)] = d.Why
		}
		return why
	}
	p := paid(t, anna, merchant, 10_00)
	_, err := merchant.Accept(p)
	require.NoError(t, err)
	w.Sync(merchant, settlementtest.Whole, 0)
	w.Sync(anna, settlementtest.Whole, 0)
	w.Sync(bertil, settlementtest.Whole, 0)
	require.Empty(t, found())

	w.Dishonest["ANNA"] = true
	anna.Balance += 5
	w.Sync(anna, settlementtest.State, 0)
	require.Contains(t, found()[string(anna.ID)], "0.05 kr more")
	anna.Balance -= 10
	w.Sync(anna, settlementtest.State, 0)
	require.Contains(t, found()[string(anna.ID)], "0.05 kr less")
	anna.Balance += 5
	w.Sync(anna, settlementtest.State, 0)
	require.Empty(t, found())

	paid(t, anna, bertil, 1_00) // the record is withheld
	state, err := anna.State(w.Challenge(anna))
	require.NoError(t, err)
	_, err = w.Notary.For(nordic).SubmitState(ctx, w.Encode(state))
	require.NoError(t, err)
	require.Contains(t, found()[string(anna.ID)], "are not held")
	w.Sync(anna, settlementtest.Whole, 0)
	require.Empty(t, found())

	require.NoError(t, store.Exec(ctx, w.DB, `UPDATE ledger_account SET balance = balance + 7
		WHERE name = 'shadow:'||$1`, anna.ID))
	require.Contains(t, found()[string(anna.ID)], "0.07 kr less", "changed behind the notary")
	require.NoError(t, store.Exec(ctx, w.DB, `UPDATE ledger_account SET balance = balance - 7
		WHERE name = 'shadow:'||$1`, anna.ID))

	// A State that the device has not signed is no word of it, nor is what is none.
	state, err = anna.State(w.Challenge(anna))
	require.NoError(t, err)
	_, err = w.Notary.For(nordic).SubmitState(ctx, w.Encode(state))
	require.NoError(t, err)
	require.Empty(t, found())
	state.Balance++
	for n, kept := range [][]byte{w.Encode(state), {1}} {
		identity := [32]byte{byte(n)}
		require.NoError(t, store.Exec(ctx, w.DB, `INSERT INTO state (identity, bytes, device,
			challenge, seen_at, difference, complete) SELECT $1, $2, device, challenge,
			'2999-01-01T00:00:0'||$3||'Z', 0, complete FROM state WHERE device = $4
			ORDER BY challenge DESC LIMIT 1`, identity[:], kept, strconv.Itoa(n), anna.ID))
		require.Contains(t, found()[string(anna.ID)], []string{"not signed by", "malformed"}[n])
		require.Contains(t, found()[string(anna.ID)], "changed by others than the notary, or")
		require.Len(t, found(), 1, "the others are judged all the same")
	}

	w.Dishonest["DORA"] = true
	require.NoError(t, w.Notary.Issue(ctx, "more", nordic, 10_00))
	w.Sync(dora, settlementtest.Whole, 5_00)
	copied := dora.Copy()
	paid(t, dora, bertil, 1_00)
	paid(t, copied, merchant, 2_00)
	w.Sync(dora, settlementtest.State, 0)
	w.Sync(copied, settlementtest.Records, 0)
	require.Contains(t, found()[string(dora.ID)], "two devices answer for this id")

	_, err = s.Reconcile(ctx, "", 0)
	require.ErrorIs(t, err, notary.Malformed)
	part, err := s.Reconcile(ctx, anna.ID, 1)
	require.NoError(t, err)
	require.Greater(t, part.Last, anna.ID)
}

// TestAttacksThatADeviceHasFoundAreShown: that its last State names, beside what the State before
// did; the growth is reported once, however often the State comes.
func TestAttacksThatADeviceHasFoundAreShown(t *testing.T) {
	w := loaded(t)
	s, anna := supervisor(t, w), w.Devices["ANNA"]
	w.Sync(anna, settlementtest.Whole, 0)
	for _, row := range []struct{ shows, before int }{{0, 0}, {2, 0}, {2, 2}, {3, 2}} {
		anna.Attacks = uint8(row.shows)
		w.Sync(anna, settlementtest.Whole, 0)
		all, err := notary.ReconcileAll(t.Context(), s)
		require.NoError(t, err)
		require.Empty(t, all.Found)
		if row.shows == 0 {
			require.Empty(t, all.Attacked)
			continue
		}
		require.Len(t, all.Attacked, 1)
		got := all.Attacked[0]
		require.Equal(t, anna.ID, got.Device)
		require.Equal(t, row.shows, got.Attacks)
		require.Equal(t, row.before, got.Before)
	}
	require.Equal(t, []string{"0 to 2", "2 to 3"}, w.Attacked)
}

// TestTotalsAddUp: all that is issued is somewhere, and what is not known grows old.
func TestTotalsAddUp(t *testing.T) {
	w := loaded(t)
	ctx, s := t.Context(), supervisor(t, w)
	anna, bertil, merchant := w.Devices["ANNA"], w.Devices["BERTIL"], w.Devices["SHOP"]
	totals := func() notary.Totals {
		t.Helper()
		all, err := s.Totals(ctx)
		require.NoError(t, err)
		sum := all.Pool
		for _, i := range all.Intermediaries {
			sum += i.Online + i.Shadow
			devices, offline := 0, money.Ore(0)
			for _, age := range i.Unknown {
				devices, offline = devices+age.Count, offline+age.Amount
			}
			require.Equal(t, i.Devices, devices)
			require.Equal(t, i.Shadow, offline)
		}
		require.Equal(t, all.Issued, sum)
		return all
	}
	of := func(all notary.Totals, name string) notary.IntermediaryTotals {
		t.Helper()
		for _, i := range all.Intermediaries {
			if string(i.Name) == name {
				return i
			}
		}
		require.Fail(t, "no intermediary", name)
		return notary.IntermediaryTotals{}
	}
	all := totals()
	require.Equal(t, money.Ore(200_00), of(all, nordic).Shadow)
	require.Equal(t, notary.Age{Hours: 24, Count: 1, Amount: 200_00}, of(all, nordic).Unknown[0])
	require.Equal(t, notary.Age{Count: 2}, of(all, fjord).Unknown[len(notary.AgeHours)-1],
		"who has never synchronised")

	w.Clock.At = w.Clock.At.Add(100 * time.Hour)
	all = totals()
	require.Equal(t, notary.Age{Hours: 24}, of(all, nordic).Unknown[0])
	require.Equal(t, notary.Age{Hours: 168, Count: 1, Amount: 200_00}, of(all, nordic).Unknown[2])

	p, q := paid(t, anna, merchant, 10_00), paid(t, anna, bertil, 150_00)
	w.Submit(w.Encode(p), w.Encode(q))
	w.Clock.At = w.Clock.At.Add(25 * time.Hour)
	_, err := bertil.Accept(q)
	require.NoError(t, err)
	later := paid(t, bertil, merchant, 30_00)
	w.Submit(w.Encode(later))
	all = totals()
	require.Equal(t, notary.Age{Hours: 72, Count: 2, Amount: 160_00}, all.Reserved[1])
	require.Equal(t, notary.Age{Hours: 24, Count: 1, Amount: 30_00}, all.Pending[0])
	w.Sync(anna, settlementtest.CoSigned, 1_00)
	all = totals()
	require.Equal(t, 1, of(all, nordic).Unconfirmed)
	require.Equal(t, money.Ore(1_00), of(all, nordic).Credits)
	require.NoError(t, w.Notary.FundPool(ctx, "pool", 3_00))
	require.Equal(t, money.Ore(3_00), totals().Pool)
}
